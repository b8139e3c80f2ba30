-- Odd spellings: what a scanner and a splicer can stumble over.
select/**/id/**/from/**/customers;
SELECT id FROM customers -- a trailing comment
;
SELECT /* one /* two /* three */ */ */ id FROM customers;
SELECT id -- ; not the end
  , name /* ; nor this */ FROM customers;
SELECT 'it''s', '', '''', 'a -- b', 'a /* b */';
SELECT 'first'
       ' second'

  ' third';
SELECT E'tab\t quote\' back\\ octal\101 hex\x41 unicode\u00e9 \U0001F600 pair\uD83D\uDE00';
SELECT E'line one\
line two';
SELECT e'a' WHERE false OR 'x' = E'y'
  'z';
SELECT U&'d\0061t\+000061', U&'d!0061t' UESCAPE '!';
SELECT N'national', B'0101', X'1fF', b'' , x'AB'
  'CD';
SELECT $$dollar$$, $tag$with $$ inside$tag$, $a$ $b$ $a b$ $a$, $ü$x$ü$;
SELECT $$multi
line -- no comment
/* neither */ 'quote'$$;
SELECT "id", "name" FROM "customers";
SELECT "public"."customers"."id" FROM "public"."customers";
SELECT customers . id , customers /* c */ . -- d
  name FROM public . customers;
SELECT c.* FROM customers AS "c";
SELECT "C"."id" FROM customers "C";
SELECT 1 AS "select", 2 AS "a""b", 3 AS " ", 4 AS "日本語", 5 AS ünïcode;
SELECT U&"n\0061me" FROM customers;
SELECT U&"n!0061me" UESCAPE '!' FROM customers;
SELECT u&"\0063ustomers".id FROM U&"\0063ustomers";
SELECT naïve.id FROM customers AS naïve;
SELECT имя.name AS "фамилия" FROM customers имя WHERE имя.city = 'Москва';
SELECT '日本', 'emoji 😀', id FROM customers WHERE name = 'Zoë' AND city = 'Köln';
SELECT a$b, a$1.c_2 FROM (SELECT 1 AS a$b) AS x, (SELECT 2 AS c_2) AS a$1;
SELECT _id FROM (SELECT id AS _id FROM customers) _;
SELECT 1.5, .5, 5., 1e10, 1.5E-3, 1e+5, 0x1F, 0o17, 0b101, 1_000_000, 0xdead_beef, 1_0.0_1;
SELECT 1+1, 1-1, 1- -1, 1*-1, 2-1, -1, 1--comment
+1;
SELECT 1<2, 1<=2, 1>=2, 1<>2, 1!=2, 3>-1, 3=-1, 3*-1, id=+1 FROM customers;
SELECT '{1,2}'::int[]@>'{1}', profile->'a'->>'b', profile#>>'{c}', tags[1]||'x' FROM customers;
SELECT id::int::text, id :: text, CAST(id AS character varying), (id)::"char" FROM customers;
SELECT $1::int, $2, $3+$4, ($5), coalesce($10,$11);
SELECT id FROM customers WHERE id=$1AND name=$2;
SELECT(1),(id)FROM(TABLE customers)c WHERE(id)IN(1,2);
SELECT id,name FROM customers WHERE name='a'OR name='b'ORDER BY id;
SELECT tags[1:2], (ARRAY[1,2,3])[1:2] FROM customers;
SELECT "order", "größe" FROM "Store"."Shelf Items" WHERE "Label"='x';
SELECT value, key, type, name, level, text, date, first, last, data, year FROM (SELECT 1 AS value, 2 AS key, 3 AS type, 4 AS name, 5 AS level, 6 AS text, 7 AS date, 8 AS first, 9 AS last, 10 AS data, 11 AS year) q;
SELECT q.select, q.from, q.order FROM (SELECT 1 AS "select", 2 AS "from", 3 AS "order") q;
SELECT 1 AS from, 2 AS where;
SELECT a.user, "user", user FROM (SELECT 'x' AS "user") a;
SELECT interval '1 day', t.interval, "interval" FROM (SELECT 1) t ("interval");
SELECT t.time, time '10:00', "time" FROM (SELECT 1 AS "time", 2 AS "timestamp") t;
SELECT a.left, "left" FROM (SELECT 1 AS "left") a;
SELECT t.coalesce, "coalesce" FROM (SELECT 1 AS "coalesce") t;
SeLeCt NaMe FrOm CuStOmErS wHeRe ViP iS tRuE;
	SELECT	id
FROM	customers;
SELECT id FROM customers WHERE name = 'a;b' AND email = $x$;$x$;
;;
SELECT aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg FROM (SELECT 1 AS aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg) t;
SELECT * FROM customers WHERE/* */id/* */=/* */1;
SELECT 1 OPERATOR(pg_catalog.+) 2, -(1), @-1, !!1 IS NULL FROM (SELECT 1) s;
SELECT a <-> b, a -|- b, a ?| b, a ?& b, a @@@ b, a ~~* b, a !~~ b, a |&> b FROM (SELECT 1 AS a, 2 AS b) t;
SELECT 1 WHERE 'a' = 'a'/* adjacent */AND true--end
;
SELECT E'\\', '\', E'\'' , '\\';
SELECT (SELECT (SELECT (SELECT ((((1))))))) AS deep;
SELECT ((c).id) FROM customers AS c WHERE (((c.name))) = (('x'));
SELECT 'a' "b", 'c' d, 5 e;
SELECT id AS "ID", id AS "Id", id AS ID FROM customers;

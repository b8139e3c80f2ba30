-- casts name the type, and give an output column its name
SELECT 'ok'::mood

SELECT CAST('ok' AS mood), 'low'::app.level, '{ok,sad}'::mood[], mood 'ok', '12345'::app.zip, '[1,2)'::span

SELECT 'ok'::mood AS m, ('low'::app.level)::text

SELECT 'A'::"Odd"."Kind", '{A}'::"Odd"."Kind"[]

SELECT t.mood, t.level FROM (SELECT 'ok'::mood, 'low'::app.level) t

SELECT "Kind" FROM (SELECT 'A'::"Odd"."Kind") t

SELECT ('(1,2)'::spot).x, '(1,2)'::spot

SELECT CASE WHEN true THEN 'ok'::mood END, coalesce('sad'::mood), ARRAY['ok'::mood], 'ok'::mood::text, ('ok'::mood)

SELECT 'ok'::mood UNION ALL SELECT 'sad' ORDER BY mood

WITH w AS (SELECT 'ok'::mood) SELECT mood FROM w

SELECT (SELECT 'ok'::mood), EXISTS (SELECT 'ok'::mood)

SELECT /* a comment */ 'ok' :: /* another */ public . mood -- the end

SELECT 'ok'::public.mood, NULL::people IS NULL

SELECT mood('ok'), app.level('low')

SELECT enum_range('sad'::mood, 'happy'::mood), 'high'::app.level > 'low', enum_last(NULL::app.level)

SELECT pg_typeof('ok'::mood) = 'mood'::regtype, pg_typeof('{}'::mood[]) = 'mood[]'::regtype

-- columns are compared with literals, casts and parameters
SELECT id, feeling, moods, level, zip, years, at, kind FROM people ORDER BY id

SELECT * FROM people ORDER BY feeling

SELECT id FROM people WHERE feeling = 'ok' OR feeling > 'ok'::mood ORDER BY id

SELECT id FROM people WHERE feeling = $1 AND $2 = ANY (moods)
<= happy | ok

SELECT id FROM people WHERE feeling = ANY ($1::mood[]) ORDER BY id
<= {ok,sad}

SELECT id FROM people WHERE feeling::text = $1 OR level = $2::app.level ORDER BY id
<= sad | high

SELECT id, $1::mood, $2::app.zip FROM people WHERE kind = $3 ORDER BY id
<= ok | 11111 | A

SELECT max(feeling), min(level), array_agg(feeling ORDER BY feeling), count(DISTINCT feeling) FROM people

SELECT feeling, count(*) FROM people GROUP BY feeling ORDER BY feeling

SELECT id + 0, coalesce(feeling) FROM app.happy h

SELECT years @> 2, upper(years), at IS NULL, (at).y FROM people ORDER BY id

-- writing
INSERT INTO people (id, feeling, moods) VALUES (9, 'happy', '{ok}'::mood[]) RETURNING feeling, moods, 'ok'::mood

INSERT INTO people VALUES (9, DEFAULT, ARRAY['sad']::mood[], 'low'::app.level)

INSERT INTO people (id, feeling, level) VALUES ($1, $2, $3) RETURNING *
<= 9 | ok | low

UPDATE people SET feeling = 'sad'::mood, level = NULL, moods = moods || 'ok'::mood WHERE id = 1 RETURNING feeling, moods

UPDATE people SET feeling = $1 WHERE feeling = $2 RETURNING id, feeling
<= sad | ok

DELETE FROM people WHERE id = 2 AND feeling = 'ok'::mood

INSERT INTO people (id, feeling, level) VALUES (9, 'sad', 'low')
=> error 23514

@ path app, public
INSERT INTO people (id, zip) VALUES (9, 'x')
=> error 23514

SELECT 'angry'::mood
=> error 22P02

-- where types stand besides casts
SELECT * FROM json_to_recordset('[{"m":"ok","l":"low"}]') AS r (m mood, l app.level)

SELECT * FROM ROWS FROM (json_to_recordset('[{"m":"ok"}]') AS (m mood)) AS r

SELECT * FROM json_to_record('{"m":["ok"]}') AS r (m mood[])

SELECT * FROM xmltable('/r' PASSING ('<r><m>ok</m></r>'::xml) COLUMNS m mood PATH 'm')

@ since 17
SELECT * FROM json_table('{"m":"ok"}', '$' COLUMNS (m mood PATH '$.m')) t

@ since 17
SELECT json_value('{"m":"ok"}', '$.m' RETURNING mood), json_query('{"m":"12345"}', '$.m' RETURNING app.zip OMIT QUOTES)

PREPARE s (mood, app.level) AS SELECT $1, $2; EXECUTE s ('ok', 'low'); DEALLOCATE s

CREATE TABLE pg_temp.t AS SELECT 'ok'::mood, 'low'::app.level; SELECT mood, level FROM t

CREATE TEMP TABLE t (m mood DEFAULT 'ok'::mood, l app.level[]); INSERT INTO t DEFAULT VALUES; SELECT m, l FROM t

-- names in strings
SELECT to_regtype('mood') IS NOT NULL, to_regtype('app.level[]') IS NOT NULL, to_regtype('nothing') IS NULL

SELECT '{people,app.notes}'::regclass[] = ARRAY['people'::regclass, 'app.notes'::regclass], ARRAY['people', 'app.notes']::regclass[] = '{public.people, "app.\"notes\""}'::regclass[]

SELECT 'twice(integer)'::regprocedure IS NOT NULL, 'app.plus'::regproc IS NOT NULL, to_regprocedure('app.plus(integer, integer)') IS NOT NULL, to_regproc('app.numbers') IS NOT NULL

SELECT has_function_privilege('app.plus(int, int)', 'execute'), has_type_privilege('app.level', 'usage')

SELECT nextval('app.tickets'), currval('app.tickets'), setval('app.tickets'::regclass, 77), lastval()

SELECT nextval(pg_get_serial_sequence('app.notes', 'id')) > 0

-- calls
SELECT twice(2), twice('x'), app.plus(1), app.plus(1, 2), app.plus(b => 5, a => 1)

SELECT twice(2) AS two, twice(twice(1)) + 1, (twice(3)), twice(id)::text FROM people ORDER BY id

SELECT t.twice, t.plus FROM (SELECT twice(2), app.plus(3)) t

SELECT app.total(id), app.total(id) FILTER (WHERE id > 1), app.total(id) OVER () FROM people GROUP BY id ORDER BY id

SELECT id FROM people WHERE app.plus(id) = twice(1) ORDER BY twice(id)

SELECT * FROM app.numbers(2)

SELECT numbers FROM app.numbers(2) ORDER BY numbers.numbers

SELECT n.n, numbers.* FROM app.numbers(2), app.numbers(1) AS n ORDER BY 2

SELECT * FROM app.numbers(2) WITH ORDINALITY

SELECT x.v FROM app.numbers(2) AS x (v)

SELECT * FROM app.pairs(2)

SELECT pairs.a, pairs.b, pairs FROM app.pairs(1)

SELECT * FROM app.anything(2) AS (i integer, t text)

SELECT anything.i FROM app.anything(2) AS anything (i integer, t text)

SELECT p.id, n FROM people p, LATERAL app.numbers(p.id) n ORDER BY 1, 2

SELECT * FROM ROWS FROM (app.numbers(2), app.numbers(1)) AS r (a, b)

SELECT * FROM ROWS FROM (app.numbers(2), app.pairs(1))
=> refused[renamed] columns are named after the functions

CALL app.clear(1)

SELECT lower('ABC')
=> refused[renamed, moved, schema] lower is also a function of pg_catalog

SELECT public.lower(5), pg_catalog.lower('ABC')

SELECT weight(p) FROM people p ORDER BY 1

SELECT p.weight FROM people p ORDER BY 1
=> refused[renamed, moved, schema] a call in the form of a field

SELECT nothing(1)
=> error 42883

-- sequences and tables of a schema
SELECT body FROM app.notes ORDER BY notes.id

INSERT INTO app.notes (person, body) VALUES (1, 'x') RETURNING person, body

SELECT last_value FROM app.tickets

-- an unqualified name means what the path makes of it
@ path app, public
SELECT 'low'::level, plus(1), numbers FROM numbers(1)

@ path app, public
SELECT body, nextval('tickets') > 0 FROM notes ORDER BY 1

@ path app, public
INSERT INTO people (id, level, feeling) VALUES (9, 'low', 'ok'::mood) RETURNING level, zip::zip

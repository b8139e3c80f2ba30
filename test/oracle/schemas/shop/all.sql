-- Everything at once: rename, swap, add, NOT NULL with a rule, move.
--| tables:
--|   users: { insert: { country: "'DE'" } }
ALTER TABLE users ADD country text NOT NULL DEFAULT 'XX';
ALTER TABLE users ALTER country DROP DEFAULT;
ALTER TABLE users ADD title text;
ALTER TABLE users RENAME name TO tmp;
ALTER TABLE users RENAME email TO name;
ALTER TABLE users RENAME tmp TO email;
ALTER TABLE users RENAME age TO years;
ALTER TABLE users RENAME TO accounts;
ALTER TABLE accounts SET SCHEMA app;
ALTER TABLE orders RENAME title TO tmp;
ALTER TABLE orders RENAME body TO title;
ALTER TABLE orders RENAME tmp TO body;
ALTER TABLE orders ADD name text DEFAULT 'x';
ALTER TABLE orders SET SCHEMA app;
ALTER TABLE items RENAME TO lines;
ALTER TABLE lines RENAME order_id TO oid2;
ALTER TABLE lines RENAME line TO order_id;
ALTER TABLE lines ADD id integer;
ALTER TABLE "Odd Table" RENAME TO "OddTable";
ALTER TABLE "OddTable" ADD "Name" text;
ALTER TABLE logs RENAME name TO email;
ALTER TABLE logs SET SCHEMA archive;

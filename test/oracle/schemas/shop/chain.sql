-- Three steps, each of which takes back or builds on the one before.
ALTER TABLE users RENAME TO people;
ALTER TABLE people RENAME name TO full_name;
ALTER TABLE people RENAME email TO mail;
ALTER TABLE orders RENAME title TO subject;
ALTER TABLE items RENAME label TO what;
ALTER TABLE people ADD title text;
-- step
--| tables:
--|   people: { insert: { country: "'FR'" } }
ALTER TABLE people ADD country text NOT NULL DEFAULT 'XX';
ALTER TABLE people ALTER country DROP DEFAULT;
ALTER TABLE people RENAME full_name TO tmp;
ALTER TABLE people RENAME mail TO full_name;
ALTER TABLE people RENAME tmp TO mail;
ALTER TABLE people RENAME TO users2;
ALTER TABLE orders RENAME TO people;
ALTER TABLE people RENAME subject TO title;
ALTER TABLE people ADD name text;
ALTER TABLE items ADD id integer;
ALTER TABLE "Odd Table" RENAME "Key" TO "select2";
-- step
ALTER TABLE users2 SET SCHEMA app;
ALTER TABLE app.users2 RENAME TO users;
ALTER TABLE app.users RENAME title TO title2;
ALTER TABLE app.users ADD title text;
ALTER TABLE app.users RENAME mail TO email;
ALTER TABLE people RENAME TO users;
ALTER TABLE users RENAME body TO label;
ALTER TABLE items RENAME what TO name;
ALTER TABLE "Odd Table" RENAME "select" TO "Key";

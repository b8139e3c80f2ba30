-- Retyped, then renamed, then retyped again, then dropped or taken back.
--| tables:
--|   plain: { columns: { b: { same_meaning: true } } }
--|   members:
--|     columns:
--|       zip: { read: zip::text, write: value::integer, injective: true }
ALTER TABLE users ALTER age TYPE bigint, ALTER balance TYPE numeric, ALTER bio TYPE text;
ALTER TABLE plain ALTER a TYPE bigint, ALTER b TYPE varchar(100);
ALTER TABLE members ALTER zip TYPE integer USING zip::integer, ALTER points TYPE bigint, ALTER marks TYPE bigint[], ALTER score TYPE integer;
ALTER TABLE visits ALTER cost TYPE bigint;
-- step
ALTER TABLE users RENAME age TO years;
ALTER TABLE users RENAME bio TO age;
ALTER TABLE plain RENAME a TO b2;
ALTER TABLE plain RENAME b TO a;
ALTER TABLE members RENAME zip TO postcode;
ALTER TABLE members RENAME points TO zip;
ALTER TABLE members RENAME TO people;
ALTER TABLE visits RENAME cost TO price;
-- step
--| tables:
--|   users: { columns: { years: { same_meaning: true }, age: { same_meaning: true } } }
--|   plain: { columns: { b2: { same_meaning: true } } }
--|   visits: { columns: { price: { same_meaning: true } } }
--|   people:
--|     columns:
--|       zip: { same_meaning: true }
--|       marks: { same_meaning: true }
--|       postcode: { read: postcode::integer, write: value::text, injective: true, total: true }
--|       legacy: { dropped: true, type: boolean, read: "false" }
ALTER TABLE users ALTER years TYPE integer, ALTER age TYPE varchar(60);
ALTER TABLE plain ALTER b2 TYPE integer;
ALTER TABLE people ALTER postcode TYPE text, ALTER zip TYPE integer, ALTER marks TYPE integer[], DROP legacy;
ALTER TABLE visits ALTER price TYPE integer;
-- step
ALTER TABLE users RENAME age TO bio;
ALTER TABLE users RENAME years TO age;
ALTER TABLE plain RENAME a TO b;
ALTER TABLE plain RENAME b2 TO a;
ALTER TABLE people RENAME zip TO points;
ALTER TABLE people RENAME postcode TO zip;
ALTER TABLE people RENAME TO members;

-- Split, renamed, and put together again.
--| tables:
--|   members:
--|     columns:
--|       name: { type: text, read: "first || ' ' || last", write: { first: "split_part(value, ' ', 1)", last: "split_part(value, ' ', 2)" } }
ALTER TABLE members ADD first text, ADD last text;
UPDATE members SET first = split_part(name, ' ', 1), last = split_part(name, ' ', 2);
ALTER TABLE members ALTER first SET NOT NULL, ALTER last SET NOT NULL, DROP name;
-- step
ALTER TABLE members RENAME first TO tmp;
ALTER TABLE members RENAME last TO first;
ALTER TABLE members RENAME tmp TO last;
-- step
--| tables:
--|   members:
--|     columns:
--|       last: { type: text, read: "split_part(name, ' ', 1)" }
--|       first: { type: text, read: "split_part(name, ' ', 2)" }
--|     write: { name: "last || ' ' || first" }
ALTER TABLE members ADD name text;
UPDATE members SET name = last || ' ' || first;
ALTER TABLE members ALTER name SET NOT NULL, DROP first, DROP last;

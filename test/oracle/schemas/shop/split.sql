-- One column became two.
--| tables:
--|   members:
--|     columns:
--|       name:
--|         type: text
--|         read: first || ' ' || last
--|         write: { first: "split_part(value, ' ', 1)", last: "split_part(value, ' ', 2)" }
ALTER TABLE members ADD first text, ADD last text;
UPDATE members SET first = split_part(name, ' ', 1), last = split_part(name, ' ', 2);
ALTER TABLE members ALTER first SET NOT NULL, ALTER last SET NOT NULL;
ALTER TABLE members DROP name;

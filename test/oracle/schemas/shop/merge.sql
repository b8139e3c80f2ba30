-- Two columns became one.
--| tables:
--|   contacts:
--|     columns:
--|       given: { type: text, read: "split_part(name, ' ', 1)" }
--|       family: { type: text, read: "split_part(name, ' ', 2)" }
--|     write: { name: "given || ' ' || family" }
ALTER TABLE contacts ADD name text;
UPDATE contacts SET name = given || ' ' || family;
ALTER TABLE contacts DROP given, DROP family, ALTER name SET NOT NULL;

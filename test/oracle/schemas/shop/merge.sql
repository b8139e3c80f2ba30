-- Two columns became one: no old column alone can be written.
--| tables:
--|   contacts:
--|     columns:
--|       given: { type: text, read: "split_part(name, ' ', 1)", read_only: true }
--|       family: { type: text, read: "split_part(name, ' ', 2)", read_only: true }
ALTER TABLE contacts ADD name text;
UPDATE contacts SET name = given || ' ' || family;
ALTER TABLE contacts DROP given, DROP family;

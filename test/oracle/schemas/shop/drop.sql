-- Columns that are gone from the middle of their tables; their rules say what they held.
--| tables:
--|   members:
--|     columns:
--|       legacy: { dropped: true, type: boolean, read: "false" }
--|       note: { dropped: true, type: text, read: "NULL" }
--|       last_seen: { dropped: true, type: date, read: "NULL" }
--|   contacts:
--|     columns:
--|       phone: { dropped: true, type: text, read: "NULL::text" }
ALTER TABLE members DROP legacy, DROP note, DROP last_seen;
ALTER TABLE members ADD phone text DEFAULT '110';
ALTER TABLE contacts DROP phone;

-- Computed columns beside renamed, added and swapped ones.
--| tables:
--|   members:
--|     to: people
--|     columns:
--|       name: { type: text, read: "given || ' ' || family", write: { given: "split_part(value, ' ', 1)", family: "split_part(value, ' ', 2)" } }
--|       points: { to: cents, type: integer, read: (cents / 100)::integer, write: value * 100::numeric, injective: true, total: true, monotone: true }
--|       vip: { to: code, type: boolean, read: code = 'gold', write: "CASE value WHEN true THEN 'gold' WHEN false THEN 'none' END", injective: true, total: true }
--|       code: { to: vip, type: varchar(5), read: "chr(64 + vip)", write: ascii(value) - 64, injective: true }
--|     insert: { country: "'DE'" }
--|   visits:
--|     columns:
--|       cost: { to: price, type: integer, read: "(price * 100)::integer", write: "value / 100.0", injective: true }
--|       zip: zip_code
ALTER TABLE members RENAME TO people;
ALTER TABLE people ADD given text, ADD family text;
UPDATE people SET given = split_part(name, ' ', 1), family = split_part(name, ' ', 2);
ALTER TABLE people ALTER given SET NOT NULL, ALTER family SET NOT NULL, DROP name;
ALTER TABLE people RENAME zip TO name;
ALTER TABLE people RENAME fee TO zip;
ALTER TABLE people RENAME points TO cents;
ALTER TABLE people ALTER cents TYPE numeric USING cents * 100::numeric;
ALTER TABLE people RENAME code TO tmp;
ALTER TABLE people RENAME vip TO code;
ALTER TABLE people RENAME tmp TO vip;
ALTER TABLE people ALTER code DROP DEFAULT, ALTER code TYPE text USING CASE code WHEN true THEN 'gold' ELSE 'none' END, ALTER code SET DEFAULT 'none';
ALTER TABLE people ALTER vip DROP DEFAULT, ALTER vip TYPE integer USING ascii(vip) - 64, ALTER vip SET DEFAULT 1;
ALTER TABLE people ADD country text NOT NULL DEFAULT 'XX';
ALTER TABLE people ALTER country DROP DEFAULT;
ALTER TABLE visits RENAME cost TO price;
ALTER TABLE visits ALTER price TYPE numeric(20, 2) USING price / 100.0, ALTER price SET DEFAULT 0.01;
ALTER TABLE visits RENAME zip TO zip_code;

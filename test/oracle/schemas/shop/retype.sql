-- Columns of other types: what PostgreSQL's own casts carry, and what needs a rule.
--| tables:
--|   members:
--|     columns:
--|       zip: { read: zip::text, write: value::integer, injective: true }
--|       joined: { time_zone: UTC }
--|   orders: { same_meaning: true, columns: { body: { same_meaning: true } } }
--|   items: { columns: { label: { same_meaning: true } } }
--|   archive.users: { columns: { name: { same_meaning: true } } }
--|   logs: { columns: { name: { same_meaning: true } } }
--|   plain: { columns: { b: { same_meaning: true } } }
--|   contacts: { columns: { given: { same_meaning: true } } }
--|   visits_2023: { same_meaning: true }
--|   visits_2024: { same_meaning: true }
--|   visits:
--|     same_meaning: true
--|     columns:
--|       zip: { read: zip::text, write: value::integer, injective: true }
ALTER TABLE users ALTER age TYPE bigint, ALTER manager_id TYPE bigint, ALTER balance TYPE numeric(14, 4), ALTER bio TYPE text;
ALTER TABLE orders ALTER placed TYPE timestamp, ALTER body TYPE varchar(500);
ALTER TABLE items ALTER order_id TYPE bigint, ALTER line TYPE bigint, ALTER label TYPE varchar(200);
ALTER TABLE "Odd Table" ALTER "Key" TYPE bigint, ALTER lower TYPE numeric, ALTER "select" TYPE varchar;
ALTER TABLE archive.users ALTER id TYPE bigint, ALTER name TYPE varchar(80);
ALTER TABLE logs ALTER id TYPE bigint, ALTER user_id TYPE bigint, ALTER name TYPE varchar(60);
ALTER TABLE events ALTER id TYPE bigint;
ALTER TABLE measures ALTER id TYPE bigint;
ALTER TABLE plain ALTER a TYPE bigint, ALTER b TYPE varchar(100);
ALTER TABLE members ALTER id TYPE bigint, ALTER zip TYPE integer USING zip::integer, ALTER code TYPE varchar(9), ALTER level TYPE bigint,
  ALTER score TYPE integer, ALTER points TYPE bigint, ALTER marks TYPE bigint[],
  ALTER joined TYPE timestamptz USING joined AT TIME ZONE 'UTC', ALTER fee TYPE numeric(12, 4);
ALTER TABLE members ALTER joined SET DEFAULT '2024-01-01 10:00+00';
ALTER TABLE visits ALTER zip TYPE integer USING zip::integer, ALTER cost TYPE bigint, ALTER code TYPE text;
ALTER TABLE contacts ALTER id TYPE bigint, ALTER given TYPE varchar(50);

-- Columns that old INSERTs leave out have other defaults now.
ALTER TABLE users ALTER balance SET DEFAULT 5, ALTER tags SET DEFAULT '{new}', ALTER feeling SET DEFAULT 'happy', ALTER active DROP DEFAULT,
  ALTER bio SET DEFAULT 'new here', ALTER created_at SET DEFAULT now();
ALTER TABLE orders ALTER total SET DEFAULT 9.99, ALTER body SET DEFAULT '';
ALTER TABLE items ALTER quantity SET DEFAULT 2, ALTER price SET DEFAULT 3;
ALTER TABLE plain ALTER a SET DEFAULT 7;
ALTER TABLE members ALTER code SET DEFAULT 'B', ALTER level SET DEFAULT 2, ALTER points DROP DEFAULT, ALTER note SET DEFAULT 'n';

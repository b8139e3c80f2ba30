-- Codes, booleans and numbers that are called otherwise now.
--| tables:
--|   members:
--|     columns:
--|       code: { to: state, values: { A: active, B: blocked, C: closed } }
--|       vip: { values: { true: gold, false: none }, outside: error }
--|       level: { to: rank, values: { 1: low, 2: middle, 3: high }, outside: { read: 1, write: error } }
--|   visits:
--|     columns:
--|       code: { values: { A: 1, B: 2, C: 3 } }
CREATE TYPE rank AS ENUM ('low', 'middle', 'high');
ALTER TABLE members RENAME code TO state;
ALTER TABLE members RENAME level TO rank;
ALTER TABLE members ALTER state DROP DEFAULT, ALTER vip DROP DEFAULT, ALTER rank DROP DEFAULT;
ALTER TABLE members ALTER state TYPE text USING CASE state WHEN 'A' THEN 'active' WHEN 'B' THEN 'blocked' WHEN 'C' THEN 'closed' END,
  ALTER vip TYPE text USING CASE vip WHEN true THEN 'gold' ELSE 'none' END,
  ALTER rank TYPE rank USING CASE rank WHEN 1 THEN 'low' WHEN 2 THEN 'middle' WHEN 3 THEN 'high' END::rank;
ALTER TABLE members ALTER state SET DEFAULT 'active', ALTER vip SET DEFAULT 'none', ALTER rank SET DEFAULT 'low';
ALTER TABLE visits ALTER code TYPE integer USING CASE code WHEN 'A' THEN 1 WHEN 'B' THEN 2 WHEN 'C' THEN 3 END;

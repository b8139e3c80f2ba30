-- Labels that swap their names, a type made anew with other labels in another order, and one that is renamed once more.
ALTER TYPE grade RENAME VALUE 'bad' TO 'middle';
ALTER TYPE grade RENAME VALUE 'fair' TO 'bad';
ALTER TYPE grade RENAME VALUE 'middle' TO 'fair';
ALTER TYPE grade RENAME TO level;
ALTER TABLE reports RENAME mark TO grade;
-- step
--| tables:
--|   bad_reports: { columns: { mark: { values: { fair: low, bad: middle, good: high } } } }
--|   reports:
--|     columns:
--|       grade: { values: { fair: low, bad: middle, good: high } }
--|       marks: { read: "replace(replace(replace(marks::text, 'low', 'fair'), 'middle', 'bad'), 'high', 'good')::hotswap.v2_level[]",
--|         write: "replace(replace(replace(value::text, 'fair', 'low'), 'bad', 'middle'), 'good', 'high')::level[]",
--|         default: "'{bad,fair}'::hotswap.v2_level[]" }
DROP VIEW bad_reports;
ALTER TYPE level RENAME TO old_level;
CREATE TYPE level AS ENUM ('high', 'middle', 'low', 'none');
ALTER TABLE reports DROP CONSTRAINT reports_mark, ALTER grade DROP DEFAULT, ALTER marks DROP DEFAULT;
ALTER TABLE reports
  ALTER grade TYPE level USING CASE grade WHEN 'fair' THEN 'low' WHEN 'bad' THEN 'middle' WHEN 'good' THEN 'high' END::level,
  ALTER marks TYPE level[] USING replace(replace(replace(marks::text, 'fair', 'low'), 'bad', 'middle'), 'good', 'high')::level[];
ALTER TABLE reports ALTER grade SET DEFAULT 'middle', ALTER marks SET DEFAULT '{middle,low}',
  ADD CONSTRAINT reports_mark CHECK (grade <> 'low' OR name <> 'never');
CREATE VIEW bad_reports AS SELECT id, grade AS mark FROM reports WHERE grade = 'low';
DROP TYPE old_level;
-- step
ALTER TYPE level RENAME VALUE 'low' TO 'lowest';
ALTER TABLE reports RENAME TO papers;

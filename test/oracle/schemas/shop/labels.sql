-- Enum labels that are called otherwise now, with others beside them.
ALTER TYPE grade RENAME VALUE 'bad' TO 'poor';
ALTER TYPE grade ADD VALUE 'awful' BEFORE 'poor';

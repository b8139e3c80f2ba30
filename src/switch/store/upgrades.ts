import { statementTables } from '../check/tables.js'
import { fleetTables } from '../fleet/tables.js'

/**
 * What made the store what it is, one after the other: an upgrade that was released is never edited, since databases have
 * it. A store is of the release that has as many upgrades.
 *
 * Everything that a migrator's role calls is SECURITY DEFINER and takes a token: it has no rights on the tables.
 */
export const UPGRADES: readonly (readonly string[])[] = [
  [
    // One row. `number` grows with every change of what it says but the head's details.
    `CREATE TABLE hotswap.state (
      one boolean PRIMARY KEY DEFAULT true CHECK (one),
      system_identifier text NOT NULL,
      database_oid oid NOT NULL,
      secret text NOT NULL DEFAULT pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text,
      number int8 NOT NULL DEFAULT 1,
      head text NOT NULL,
      fingerprint text NOT NULL,
      default_version text NOT NULL,
      retired text[] NOT NULL DEFAULT '{}'
    )`,
    `CREATE TABLE hotswap.step (
      number int8 PRIMARY KEY,
      name text NOT NULL UNIQUE,
      before text NOT NULL,
      rules text NOT NULL,
      recorded_by name NOT NULL DEFAULT session_user,
      recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now()
    )`,
    // Whoever was given it may record the one step that follows the generation of this number. The secret stands at both
    // ends, so that nothing can be added to a message whose hash is known.
    `CREATE FUNCTION hotswap.step_token(expected int8, step_name text) RETURNS text
      LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
      AS $$ SELECT expected || '.' || encode(sha256(convert_to(concat_ws('/', secret, expected, step_name, secret), 'UTF8')), 'hex')
        FROM hotswap.state $$`,
    `REVOKE ALL ON FUNCTION hotswap.step_token(int8, text) FROM PUBLIC`,
    // The catalog before the step is the stored head where it is left out.
    `CREATE FUNCTION hotswap.record_step(
      token text, step_name text, catalog_before text, catalog_after text, step_rules text, head_fingerprint text
    ) RETURNS int8
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
      AS $$
      DECLARE
        expected CONSTANT int8 := split_part(token, '.', 1);
        old_head text;
      BEGIN
        IF token IS DISTINCT FROM hotswap.step_token(expected, step_name) THEN
          RAISE EXCEPTION 'this token does not allow the step % to be recorded', step_name USING ERRCODE = '28000';
        END IF;
        SELECT s.head INTO old_head FROM hotswap.state s WHERE s.number = expected FOR UPDATE;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'another switch was faster than %', step_name
            USING ERRCODE = '40001', HINT = 'Nothing was changed. Run the migration again.';
        END IF;
        INSERT INTO hotswap.step (number, name, before, rules)
          VALUES (expected + 1, step_name, COALESCE(catalog_before, old_head), step_rules);
        UPDATE hotswap.state SET number = expected + 1, head = catalog_after, fingerprint = head_fingerprint;
  [...fleetTables],
        RETURN expected + 1;
      END $$`,
    `GRANT EXECUTE ON FUNCTION hotswap.record_step(text, text, text, text, text, text) TO PUBLIC`,
    `GRANT USAGE ON SCHEMA hotswap TO PUBLIC`,
  ],
  [...statementTables],
]

import { statementTables } from '../check/tables.js'
import { identityTables } from '../fleet/identity-tables.js'
import { spokenTables } from '../fleet/spoken-tables.js'
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
    // Gives the new number; NULL where the token is none of this step, or another switch was faster. Not in PL/pgSQL, which
    // a migrator's backend would have to load while traffic is held.
    `CREATE FUNCTION hotswap.record_step(
      token text, step_name text, catalog_before text, catalog_after text, step_rules text, head_fingerprint text
    ) RETURNS int8
      LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
      AS $$
        WITH changed AS (
          UPDATE hotswap.state SET number = number + 1, head = catalog_after, fingerprint = head_fingerprint
          WHERE number = split_part(token, '.', 1)::int8 AND token = hotswap.step_token(number, step_name)
          RETURNING number
        ), added AS (
          INSERT INTO hotswap.step (number, name, before, rules)
          SELECT number, step_name, catalog_before, step_rules FROM changed
        )
        SELECT number FROM changed
      $$`,
    `GRANT EXECUTE ON FUNCTION hotswap.record_step(text, text, text, text, text, text) TO PUBLIC`,
    `GRANT USAGE ON SCHEMA hotswap TO PUBLIC`,
  ],
  [...statementTables],
  [...fleetTables],
  [...spokenTables],
  [...identityTables],
]

import type { TextQuery } from '../../catalog/introspect.js'
import { runAll } from './open-store.js'

/** What the event trigger says on channel `hotswap`. */
export const DDL_PAYLOAD = 'ddl'

// A temporary table is nobody's but its session's, and may be made a hundred times a second.
const statements = [
  `CREATE OR REPLACE FUNCTION hotswap.tell_of_ddl() RETURNS event_trigger
     LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
     AS $$ BEGIN
       IF tg_tag LIKE 'DROP %' OR EXISTS (
         SELECT FROM pg_event_trigger_ddl_commands() c WHERE c.schema_name IS DISTINCT FROM 'pg_temp'
       ) THEN
         PERFORM pg_notify('hotswap', '${DDL_PAYLOAD}');
       END IF;
     END $$`,
  'DROP EVENT TRIGGER IF EXISTS hotswap_ddl',
  'CREATE EVENT TRIGGER hotswap_ddl ON ddl_command_end EXECUTE FUNCTION hotswap.tell_of_ddl()',
]

/**
 * Lets the database itself tell the proxies of DDL that goes round them, when it commits. Gives the server's message where
 * the role may not make an event trigger.
 */
export function makeDdlTrigger(query: TextQuery): Promise<string | undefined> {
  return runAll(query, statements)
}

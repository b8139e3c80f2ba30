/** Takes away what makes the store, and leaves the types that old statements see relabelled enums as. */
export const DROP_STORE = `DO $$
DECLARE
  thing text;
BEGIN
  FOR thing IN
    SELECT pg_catalog.format('TABLE hotswap.%I', c.relname) FROM pg_catalog.pg_class c
    WHERE c.relnamespace = 'hotswap'::pg_catalog.regnamespace AND c.relkind = 'r'
    UNION ALL
    SELECT 'ROUTINE ' || p.oid::pg_catalog.regprocedure FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'hotswap'::pg_catalog.regnamespace
  LOOP
    EXECUTE 'DROP ' || thing || ' CASCADE';
  END LOOP;
END $$`

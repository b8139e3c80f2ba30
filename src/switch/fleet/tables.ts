/**
 * What the fleet keeps in schema hotswap. Each function is one request of the protocol (protocol.ts), carried out in one
 * transaction: READ COMMITTED, so that every statement in it sees what was committed before, also by whom it waited for.
 * Those that take a proxy's number are what older releases call: identity-tables.ts has what took their place.
 *
 * Advisory locks of class 1752397680: (class, id of a proxy) is held by its fleet connection as long as that lives;
 * (class, 0) by the transaction that closes a switch, or migrates; (class, -1) by the one that begins a switch.
 */
export const fleetTables: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS hotswap.proxy (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    -- Its fleet connection.
    pid integer NOT NULL,
    backend_start timestamptz NOT NULL,
    -- The last switch that it has acknowledged.
    held int8 NOT NULL DEFAULT 0,
    drained int8 NOT NULL DEFAULT 0,
    -- Why it is not drained, as JSON.
    blocked text,
    fenced boolean NOT NULL DEFAULT false,
    joined_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
  )`,
  `CREATE TABLE IF NOT EXISTS hotswap.backend (
    pid integer NOT NULL,
    backend_start timestamptz NOT NULL,
    proxy integer NOT NULL REFERENCES hotswap.proxy ON DELETE CASCADE,
    PRIMARY KEY (pid, backend_start)
  )`,
  'CREATE INDEX IF NOT EXISTS backend_of_proxy ON hotswap.backend (proxy)',
  `CREATE TABLE IF NOT EXISTS hotswap.switch (
    number int8 PRIMARY KEY,
    proxy integer NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    deadline timestamptz NOT NULL,
    closed_at timestamptz
  )`,
  'CREATE UNIQUE INDEX IF NOT EXISTS one_open_switch ON hotswap.switch ((true)) WHERE closed_at IS NULL',

  // pg_stat_activity shows pid to everybody, backend_start to the role itself and to pg_read_all_stats: what cannot be seen
  // (infinity, where it was registered so) may be alive. It is read once a transaction, so never before a lock is waited for.
  `CREATE OR REPLACE FUNCTION hotswap.lives(backend integer, started timestamptz) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = backend
      AND (started = 'infinity' OR COALESCE(a.backend_start = started, true))) $$`,
  `CREATE OR REPLACE FUNCTION hotswap.is_connected(proxy_id integer) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT EXISTS (
      SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = 1752397680 AND l.objid = proxy_id::oid
        AND l.objsubid = 2 AND l.granted AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    ) $$`,
  // Ends the backend if it is still the same; false where that is not allowed.
  `CREATE OR REPLACE FUNCTION hotswap.end_backend(backend integer, started timestamptz) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN
      PERFORM pg_terminate_backend(a.pid) FROM pg_stat_activity a
        WHERE a.pid = backend AND (started = 'infinity' OR COALESCE(a.backend_start = started, true));
      RETURN true;
    EXCEPTION WHEN insufficient_privilege THEN
      RETURN false;
    END $$`,

  // What a proxy is shown of everything, in one snapshot.
  `CREATE OR REPLACE FUNCTION hotswap.fleet_view(
    me integer, OUT head int8, OUT switch int8, OUT open boolean, OUT mine boolean, OUT orphaned boolean,
    OUT fenced boolean, OUT left_ms integer)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT s.number, COALESCE(w.number, 0), w.open, w.open AND w.proxy = me,
        w.open AND w.proxy <> me AND NOT hotswap.is_connected(w.proxy),
        COALESCE((SELECT p.fenced FROM hotswap.proxy p WHERE p.id = me), true),
        CASE WHEN w.open THEN extract(epoch FROM w.deadline - clock_timestamp()) * 1000 END
      FROM hotswap.state s LEFT JOIN (
        SELECT number, proxy, deadline, closed_at IS NULL AS open FROM hotswap.switch ORDER BY number DESC LIMIT 1
      ) w ON true $$`,

  // The row comes first, the look second: a switch that begins meanwhile either sees the row or is seen. A proxy whose row is
  // gone was fenced and buried: it gets a new one when its sessions have ended (anew).
  `CREATE OR REPLACE FUNCTION hotswap.fleet_join(me integer, proxy_name text, anew boolean) RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
      own hotswap.proxy;
      self_start CONSTANT timestamptz := (SELECT a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) a);
    BEGIN
      SELECT p.* INTO own FROM hotswap.proxy p WHERE p.id = me FOR UPDATE;
      IF NOT FOUND THEN
        IF NOT anew THEN RETURN me; END IF;
        INSERT INTO hotswap.proxy (name, pid, backend_start) VALUES (proxy_name, pg_backend_pid(), self_start) RETURNING * INTO own;
      ELSIF own.fenced AND anew THEN
        DELETE FROM hotswap.backend b WHERE b.proxy = me AND NOT hotswap.lives(b.pid, b.backend_start);
        PERFORM hotswap.end_backend(b.pid, b.backend_start) FROM hotswap.backend b WHERE b.proxy = me;
        IF NOT EXISTS (SELECT FROM hotswap.backend b WHERE b.proxy = me) THEN
          UPDATE hotswap.proxy p SET fenced = false, held = 0, drained = 0, blocked = NULL WHERE p.id = me;
        END IF;
      END IF;
      IF NOT pg_try_advisory_lock(1752397680, own.id) THEN
        -- The connection that was lost: the server has not noticed yet.
        PERFORM hotswap.end_backend(own.pid, own.backend_start);
        RAISE EXCEPTION 'the lost connection of this proxy lives on' USING ERRCODE = '55006';
      END IF;
      UPDATE hotswap.proxy p SET pid = pg_backend_pid(), backend_start = self_start WHERE p.id = own.id;
      RETURN own.id;
    END $$`,
  `CREATE OR REPLACE FUNCTION hotswap.fleet_acknowledge(me integer, number int8, is_drained boolean, why_not text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN
      UPDATE hotswap.proxy SET held = number, drained = CASE WHEN is_drained THEN number ELSE drained END, blocked = why_not
        WHERE proxy.id = me AND NOT fenced;
      PERFORM pg_notify('hotswap', '');
    END $$`,
  // Why not, where it is refused. Proxies that are gone are buried here: locked, then seen to have nothing left.
  `CREATE OR REPLACE FUNCTION hotswap.fleet_begin(me integer, expected int8, ms integer) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
      last_number int8;
      other text;
      lost integer[];
    BEGIN
      PERFORM pg_advisory_xact_lock(1752397680, -1);
      SELECT COALESCE(p.name, 'a proxy that is gone') INTO other
        FROM hotswap.switch w LEFT JOIN hotswap.proxy p ON p.id = w.proxy WHERE w.closed_at IS NULL;
      IF FOUND THEN RETURN 'another proxy switches: ' || other; END IF;
      IF NOT EXISTS (SELECT FROM hotswap.proxy p WHERE p.id = me AND NOT p.fenced) THEN
        RETURN 'the other proxies took this one for gone';
      END IF;
      IF expected <> (SELECT s.number FROM hotswap.state s) THEN RETURN 'another proxy has changed the versions meanwhile'; END IF;
      SELECT COALESCE(max(w.number), 0) INTO last_number FROM hotswap.switch w;
      DELETE FROM hotswap.switch w WHERE w.number < last_number - 1000;
      INSERT INTO hotswap.switch (number, proxy, deadline)
        VALUES (last_number + 1, me, clock_timestamp() + ms * interval '1 millisecond');
      SELECT array_agg(locked.id) INTO lost FROM (
        SELECT p.id FROM hotswap.proxy p WHERE p.id <> me AND NOT hotswap.is_connected(p.id) FOR UPDATE SKIP LOCKED
      ) locked;
      DELETE FROM hotswap.proxy p WHERE p.id = ANY (lost)
        AND NOT EXISTS (SELECT FROM hotswap.backend b WHERE b.proxy = p.id AND hotswap.lives(b.pid, b.backend_start));
      PERFORM pg_notify('hotswap', '');
      RETURN NULL;
    END $$`,
  `CREATE OR REPLACE FUNCTION hotswap.fleet_standings(
    of_switch int8, OUT name text, OUT standing text, OUT connected boolean, OUT blocked text) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT p.name,
        CASE WHEN p.fenced THEN
            CASE WHEN EXISTS (SELECT FROM hotswap.backend b WHERE b.proxy = p.id AND hotswap.lives(b.pid, b.backend_start))
              THEN 'fenced' ELSE 'gone' END
          WHEN p.drained = of_switch THEN 'drained' WHEN p.held = of_switch THEN 'held' ELSE 'silent' END,
        p.drained = of_switch OR hotswap.is_connected(p.id), p.blocked
      FROM hotswap.proxy p ORDER BY p.id $$`,
  // True where all that are fenced could be told to end.
  `CREATE OR REPLACE FUNCTION hotswap.fleet_fence(number int8) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
      could_end boolean;
    BEGIN
      IF NOT EXISTS (SELECT FROM hotswap.switch w WHERE w.number = fleet_fence.number AND w.closed_at IS NULL) THEN RETURN true; END IF;
      UPDATE hotswap.proxy p SET fenced = true WHERE NOT p.fenced AND p.held <> number;
      -- Whoever registers waits for this transaction, and finds the fence; whoever has registered is seen here.
      SELECT bool_and(hotswap.end_backend(b.pid, b.backend_start)) INTO could_end
        FROM hotswap.backend b JOIN hotswap.proxy p ON p.id = b.proxy WHERE p.fenced;
      RETURN COALESCE(could_end, true);
    END $$`,
  // No migration is under way, or in doubt, while the lock is to be had. Ended by force: one that had its time.
  `CREATE OR REPLACE FUNCTION hotswap.fleet_close(of_switch int8, by_force boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN
      IF pg_try_advisory_xact_lock(1752397680, 0) THEN
        UPDATE hotswap.switch w SET closed_at = clock_timestamp() WHERE w.number = of_switch AND w.closed_at IS NULL;
        IF FOUND THEN PERFORM pg_notify('hotswap', ''); END IF;
      ELSIF by_force AND EXISTS (SELECT FROM hotswap.switch w WHERE w.number = of_switch AND w.closed_at IS NULL) THEN
        PERFORM hotswap.end_backend(l.pid, a.backend_start) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
          WHERE l.locktype = 'advisory' AND l.classid = 1752397680 AND l.objid = 0 AND l.objsubid = 2 AND l.granted
            AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AND l.pid <> pg_backend_pid();
      END IF;
    END $$`,
  // Whether the backend is registered: not where the proxy is fenced, nor where no such backend can be seen.
  `CREATE OR REPLACE FUNCTION hotswap.fleet_register(me integer, backend integer) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
      is_fenced boolean;
    BEGIN
      SELECT p.fenced INTO is_fenced FROM hotswap.proxy p WHERE p.id = me FOR SHARE;
      IF is_fenced IS NOT FALSE THEN RETURN false; END IF;
      -- Where its start cannot be seen, whatever has the pid counts as the backend.
      INSERT INTO hotswap.backend AS b (pid, backend_start, proxy)
        SELECT a.pid, COALESCE(a.backend_start, 'infinity'), me FROM pg_stat_activity a
        WHERE a.pid = backend AND a.datname = current_database()
        ON CONFLICT (pid, backend_start) DO UPDATE SET proxy = excluded.proxy;
      RETURN FOUND;
    END $$`,

  // Any role may migrate, so any may ask. Not in PL/pgSQL, which a migrator's backend would have to load while traffic is held.
  `CREATE OR REPLACE FUNCTION hotswap.switch_is_open(of_switch int8) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT EXISTS (SELECT FROM hotswap.switch w WHERE w.number = of_switch AND w.closed_at IS NULL) $$`,
  'GRANT EXECUTE ON FUNCTION hotswap.switch_is_open(int8) TO PUBLIC',
]

/**
 * What a migration's transaction begins with, in two statements, so that the second one sees what was committed before the
 * lock was to be had. True where the switch is open: then it stays so until the transaction has ended.
 */
export function enterSwitch(number: number): string {
  return `SELECT pg_catalog.pg_advisory_xact_lock(1752397680, 0); SELECT hotswap.switch_is_open(${number})`
}

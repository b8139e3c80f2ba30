/**
 * Whose number it is. Numbers can be given twice: by a standby that took over without having seen the last proxies that
 * joined, or by a store that was made anew. So each proxy draws a token when it starts, which its row keeps; by the number
 * alone it can do nothing. To whoever asks with another token its row is gone: it is told that it is fenced, ends its
 * sessions, and joins as another one.
 *
 * Proxies of older releases know no tokens: their functions are those that take none, for rows without one.
 */
export const identityTables: readonly string[] = [
  'ALTER TABLE hotswap.proxy ADD COLUMN IF NOT EXISTS token text',

  `CREATE OR REPLACE FUNCTION hotswap.fleet_view(
    me integer, own_token text, OUT head int8, OUT switch int8, OUT open boolean, OUT mine boolean, OUT orphaned boolean,
    OUT fenced boolean, OUT left_ms integer)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT s.number, COALESCE(w.number, 0), w.open, w.open AND w.proxy = me,
        w.open AND w.proxy <> me AND NOT hotswap.is_connected(w.proxy),
        COALESCE((SELECT p.fenced FROM hotswap.proxy p WHERE p.id = me AND p.token IS NOT DISTINCT FROM own_token), true),
        CASE WHEN w.open THEN extract(epoch FROM w.deadline - clock_timestamp()) * 1000 END
      FROM hotswap.state s LEFT JOIN (
        SELECT number, proxy, deadline, closed_at IS NULL AS open FROM hotswap.switch ORDER BY number DESC LIMIT 1
      ) w ON true $$`,

  // Gives the number that the proxy has from now on. One that has none, or not any more, gets one only when its sessions have
  // ended (anew); until then it keeps what it has, and sees that it is fenced.
  `CREATE OR REPLACE FUNCTION hotswap.fleet_join(me integer, own_token text, proxy_name text, anew boolean) RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
      own hotswap.proxy;
      lost integer[];
      self_start CONSTANT timestamptz := (SELECT a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) a);
    BEGIN
      SELECT p.* INTO own FROM hotswap.proxy p WHERE p.id = me AND p.token IS NOT DISTINCT FROM own_token FOR UPDATE;
      IF NOT FOUND THEN
        IF NOT anew THEN RETURN me; END IF;
        -- Proxies that are gone are buried, as where a switch begins.
        SELECT array_agg(locked.id) INTO lost FROM (
          SELECT p.id FROM hotswap.proxy p WHERE NOT hotswap.is_connected(p.id) FOR UPDATE SKIP LOCKED
        ) locked;
        PERFORM pg_stat_clear_snapshot();
        DELETE FROM hotswap.proxy p WHERE p.id = ANY (lost)
          AND NOT EXISTS (SELECT FROM hotswap.backend b WHERE b.proxy = p.id AND hotswap.lives(b.pid, b.backend_start));
        -- This connection may have the lock of a number that is nobody's any more.
        PERFORM pg_advisory_unlock_all();
        LOOP
          INSERT INTO hotswap.proxy (name, pid, backend_start, token)
            VALUES (proxy_name, pg_backend_pid(), self_start, own_token) RETURNING * INTO own;
          EXIT WHEN pg_try_advisory_lock(1752397680, own.id);
          -- And so may that of another proxy, which does not know yet.
          DELETE FROM hotswap.proxy p WHERE p.id = own.id;
        END LOOP;
        RETURN own.id;
      ELSIF own.fenced AND anew THEN
        -- What was seen of backends may be older than the lock.
        PERFORM pg_stat_clear_snapshot();
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

  // Traffic waits for it, and need not wait for the disk or a standby: with what a crash loses of it every connection is lost,
  // too, and whoever joins again acknowledges again.
  `CREATE OR REPLACE FUNCTION hotswap.fleet_acknowledge(
    me integer, own_token text, number int8, is_drained boolean, why_not text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN
      PERFORM set_config('synchronous_commit', 'off', true);
      UPDATE hotswap.proxy SET held = number, drained = CASE WHEN is_drained THEN number ELSE drained END, blocked = why_not
        WHERE proxy.id = me AND proxy.token IS NOT DISTINCT FROM own_token AND NOT fenced;
      PERFORM pg_notify('hotswap', 'acknowledged');
    END $$`,

  // Nor this one: a switch that is open again has no migrator any more, and is closed again.
  `CREATE OR REPLACE FUNCTION hotswap.fleet_close(of_switch int8, by_force boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN
      PERFORM set_config('synchronous_commit', 'off', true);
      IF pg_try_advisory_xact_lock(1752397680, 0) THEN
        UPDATE hotswap.switch w SET closed_at = clock_timestamp() WHERE w.number = of_switch AND w.closed_at IS NULL;
        IF FOUND THEN PERFORM pg_notify('hotswap', ''); END IF;
      ELSIF by_force AND EXISTS (SELECT FROM hotswap.switch w WHERE w.number = of_switch AND w.closed_at IS NULL) THEN
        PERFORM hotswap.end_backend(l.pid, a.backend_start) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
          WHERE l.locktype = 'advisory' AND l.classid = 1752397680 AND l.objid = 0 AND l.objsubid = 2 AND l.granted
            AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AND l.pid <> pg_backend_pid();
      END IF;
    END $$`,

  `CREATE OR REPLACE FUNCTION hotswap.fleet_begin(me integer, own_token text, expected int8, ms integer) RETURNS text
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
      IF NOT EXISTS (SELECT FROM hotswap.proxy p
                     WHERE p.id = me AND p.token IS NOT DISTINCT FROM own_token AND NOT p.fenced) THEN
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

  `CREATE OR REPLACE FUNCTION hotswap.fleet_register(me integer, own_token text, backend integer) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
      is_fenced boolean;
    BEGIN
      SELECT p.fenced INTO is_fenced FROM hotswap.proxy p
        WHERE p.id = me AND p.token IS NOT DISTINCT FROM own_token FOR SHARE;
      IF is_fenced IS NOT FALSE THEN RETURN false; END IF;
      -- Where its start cannot be seen, whatever has the pid counts as the backend.
      INSERT INTO hotswap.backend AS b (pid, backend_start, proxy)
        SELECT a.pid, COALESCE(a.backend_start, 'infinity'), me FROM pg_stat_activity a
        WHERE a.pid = backend AND a.datname = current_database()
        ON CONFLICT (pid, backend_start) DO UPDATE SET proxy = excluded.proxy;
      RETURN FOUND;
    END $$`,

  `CREATE OR REPLACE FUNCTION hotswap.fleet_speak(me integer, own_token text, spoken jsonb) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN
      PERFORM pg_advisory_xact_lock_shared(1752397680, -2);
      UPDATE hotswap.proxy p SET speaks = spoken WHERE p.id = me AND p.token IS NOT DISTINCT FROM own_token AND NOT p.fenced;
      IF NOT FOUND THEN RETURN NULL; END IF;
      RETURN (SELECT COALESCE(jsonb_agg(r.version), '[]') FROM hotswap.state s, unnest(s.retired) r (version) WHERE spoken ? r.version);
    END $$`,

  // Proxies of older releases that run still.
  `CREATE OR REPLACE FUNCTION hotswap.fleet_view(
    me integer, OUT head int8, OUT switch int8, OUT open boolean, OUT mine boolean, OUT orphaned boolean,
    OUT fenced boolean, OUT left_ms integer)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT * FROM hotswap.fleet_view(me, NULL) $$`,
  `CREATE OR REPLACE FUNCTION hotswap.fleet_join(me integer, proxy_name text, anew boolean) RETURNS integer
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
    AS $$ SELECT hotswap.fleet_join(me, NULL, proxy_name, anew) $$`,
  `CREATE OR REPLACE FUNCTION hotswap.fleet_acknowledge(me integer, number int8, is_drained boolean, why_not text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
    AS $$ SELECT hotswap.fleet_acknowledge(me, NULL, number, is_drained, why_not) $$`,
  `CREATE OR REPLACE FUNCTION hotswap.fleet_begin(me integer, expected int8, ms integer) RETURNS text
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
    AS $$ SELECT hotswap.fleet_begin(me, NULL, expected, ms) $$`,
  `CREATE OR REPLACE FUNCTION hotswap.fleet_register(me integer, backend integer) RETURNS boolean
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
    AS $$ SELECT hotswap.fleet_register(me, NULL, backend) $$`,
  `CREATE OR REPLACE FUNCTION hotswap.fleet_speak(me integer, spoken jsonb) RETURNS jsonb
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
    AS $$ SELECT hotswap.fleet_speak(me, NULL, spoken) $$`,
]

/**
 * Which versions the sessions of each proxy speak. A proxy says so before it admits the first session of a version, and a
 * version is retired by whoever has seen that no proxy says so: both under the advisory lock (class, -2), so that one of the
 * two comes first and the other one sees it.
 */
export const spokenTables: readonly string[] = [
  // {version: {sessions, clients}}. NULL where it was never said, as by an older release: it may be any version.
  'ALTER TABLE hotswap.proxy ADD COLUMN IF NOT EXISTS speaks jsonb',

  // Those of the versions that were retired; NULL where the proxy is fenced, or its row gone.
  `CREATE OR REPLACE FUNCTION hotswap.fleet_speak(me integer, spoken jsonb) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN
      PERFORM pg_advisory_xact_lock_shared(1752397680, -2);
      UPDATE hotswap.proxy p SET speaks = spoken WHERE p.id = me AND NOT p.fenced;
      IF NOT FOUND THEN RETURN NULL; END IF;
      RETURN (SELECT COALESCE(jsonb_agg(r.version), '[]') FROM hotswap.state s, unnest(s.retired) r (version) WHERE spoken ? r.version);
    END $$`,

  // A proxy without its connection may still have sessions: as long as one of its registered backends lives it counts.
  `CREATE OR REPLACE FUNCTION hotswap.fleet_members(
    OUT proxy integer, OUT name text, OUT connected boolean, OUT standing text, OUT speaks jsonb) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $$
      WITH member AS (
        SELECT p.*, hotswap.is_connected(p.id) AS connected, EXISTS (
            SELECT FROM hotswap.backend b JOIN pg_stat_activity a
              ON a.pid = b.pid AND (b.backend_start = 'infinity' OR COALESCE(a.backend_start = b.backend_start, true))
            WHERE b.proxy = p.id) AS living,
          EXISTS (SELECT FROM hotswap.switch w WHERE w.closed_at IS NULL AND w.number = p.held) AS holding
        FROM hotswap.proxy p
      )
      SELECT m.id, m.name, m.connected,
        CASE WHEN NOT m.connected AND NOT m.living THEN 'gone' WHEN m.fenced THEN 'fenced'
          WHEN m.holding OR NOT m.connected THEN 'held' ELSE 'serving' END,
        CASE WHEN m.living THEN m.speaks WHEN m.connected THEN COALESCE(m.speaks, '{}') ELSE '{}' END
      FROM member m ORDER BY m.id
    $$`,

  // NULL where nobody speaks it any more, from now on; else who does. The row first: a migration may keep it for a while, and
  // whoever is about to speak a version must not wait for that.
  `CREATE OR REPLACE FUNCTION hotswap.retire_version(retiring text) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
      speakers jsonb;
    BEGIN
      PERFORM s.number FROM hotswap.state s FOR UPDATE;
      PERFORM pg_advisory_xact_lock(1752397680, -2);
      SELECT jsonb_agg(jsonb_build_object('name', m.name, 'connected', m.connected, 'speaks', m.speaks -> retiring) ORDER BY m.proxy)
        INTO speakers FROM hotswap.fleet_members() m WHERE m.speaks IS NULL OR m.speaks ? retiring;
      IF speakers IS NULL THEN
        UPDATE hotswap.state s SET number = s.number + 1, retired = s.retired || retiring
          WHERE retiring <> ALL (s.retired) AND retiring <> s.default_version;
      END IF;
      RETURN speakers;
    END $$`,
]

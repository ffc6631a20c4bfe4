-- What can be offered, computed a second time by PostgreSQL from its own zone rules, ranges and multiranges.
-- %(world)s: the rules, schedules (in their published form), taken and busy times and places as JSON, times as epoch
-- seconds. Everything falls on whole five minutes.
WITH world AS MATERIALIZED (
    SELECT j, to_timestamp((j->>'start')::bigint) AS since, to_timestamp((j->>'end')::bigint) AS until,
           to_timestamp((j->>'now')::bigint) AS present, j->'business'->>'zone' AS zone,
           make_interval(secs => (j->>'duration')::int) AS duration,
           make_interval(secs => (j->>'before')::int) AS before,
           make_interval(secs => (j->>'after')::int) AS after,
           (j->>'interval')::int / 60 AS step, (j->>'capacity')::int AS capacity, j->>'service' AS service
    FROM (SELECT %(world)s::jsonb AS j) AS given),
resources AS (SELECT r->>'id' AS id, r FROM world, jsonb_array_elements(j->'resources') AS r),
owners AS MATERIALIZED (
    SELECT '' AS owner, j->'business' AS s, j->'business'->>'zone' AS zone FROM world
    UNION ALL
    SELECT id, r->'schedule', r->'schedule'->>'zone' FROM resources WHERE jsonb_typeof(r->'schedule') = 'object'),
overrides AS (
    SELECT owner, zone, (o->>'on')::date AS day, o->'intervals' AS intervals
    FROM owners, jsonb_array_elements(s->'date_overrides') AS o),
days AS (
    SELECT owner, owners.zone, s, d::date AS day
    FROM owners, world, generate_series((since AT TIME ZONE owners.zone)::date - 2,
                                        (until AT TIME ZONE owners.zone)::date + 1, interval '1 day') AS d),
hours AS (
    SELECT owner, zone, day, i->>'from' AS opens, i->>'to' AS closes, true AS override
    FROM overrides, jsonb_array_elements(intervals) AS i
    UNION ALL
    SELECT owner, zone, day, i->>'from', i->>'to', false
    FROM days, jsonb_array_elements(CASE jsonb_typeof(s->'weekly') WHEN 'array' THEN s->'weekly' ELSE '[]' END) AS w,
         jsonb_array_elements(w->'intervals') AS i
    WHERE (w->>'weekday')::int = extract(isodow FROM day) - 1
      AND NOT EXISTS (SELECT FROM overrides o WHERE (o.owner, o.day) = (days.owner, days.day))),
walls AS (
    SELECT owner, zone, day, override, day + opens::interval AS opens,
           day + closes::interval + CASE WHEN closes::interval > opens::interval
                                         THEN interval '0' ELSE interval '1 day' END AS closes
    FROM hours
    WHERE day BETWEEN (SELECT since::date - 3 FROM world) AND (SELECT until::date + 2 FROM world)),
opened AS MATERIALIZED (
    SELECT owner, day, override, tstzrange(
        pg_temp.first_at(opens, zone),
        pg_temp.first_at(closes, zone)) AS span
    FROM walls),
cuts AS (
    SELECT owner, range_agg(span) AS spans FROM (
        SELECT owner, tstzrange((a->>'starts_at')::timestamptz, (a->>'ends_at')::timestamptz) AS span
        FROM owners, jsonb_array_elements(s->'absences') AS a
        UNION ALL
        SELECT owner, tstzrange(
            pg_temp.first_at((h->>'on')::date, zone), pg_temp.first_at((h->>'on')::date + 1, zone))
        FROM owners, jsonb_array_elements(s->'holidays') AS h
        WHERE NOT EXISTS (SELECT FROM overrides o WHERE o.owner = owners.owner AND o.day = (h->>'on')::date
                          AND jsonb_array_length(o.intervals) > 0)) AS cut
    GROUP BY owner),
open_time AS MATERIALIZED (
    SELECT id, coalesce((
        SELECT range_agg(span) FROM opened
        WHERE opened.owner = id AND (override OR jsonb_typeof(r->'schedule'->'weekly') = 'array')
           OR opened.owner = '' AND jsonb_typeof(r->'schedule'->'weekly') IS DISTINCT FROM 'array'
              AND NOT EXISTS (SELECT FROM overrides o WHERE o.owner = id AND o.day = opened.day)), '{}')
        - coalesce((SELECT spans FROM cuts WHERE owner = ''), '{}')
        - coalesce((SELECT spans FROM cuts WHERE owner = id), '{}') AS spans
    FROM resources),
busy AS MATERIALIZED (
    SELECT id, range_agg(tstzrange(to_timestamp((b->>0)::bigint), to_timestamp((b->>1)::bigint))) AS spans
    FROM resources, jsonb_array_elements(r->'busy') AS b GROUP BY id),
taken AS MATERIALIZED (
    SELECT id, tstzrange(to_timestamp((t->>'blocked_from')::bigint), to_timestamp((t->>'blocked_to')::bigint)) AS span,
           to_timestamp((t->>'starts_at')::bigint) AS starts_at, to_timestamp((t->>'ends_at')::bigint) AS ends_at,
           t->>'service_id' AS service
    FROM resources, jsonb_array_elements(r->'taken') AS t),
grid AS MATERIALIZED (
    SELECT t AS start
    FROM world, generate_series(since, until - interval '5 minutes', interval '5 minutes') AS t
    WHERE t >= present + make_interval(secs => (j->>'notice')::int)
      AND (extract(hour FROM t AT TIME ZONE zone) * 60 + extract(minute FROM t AT TIME ZONE zone))::int %% step = 0
      AND (j->>'window' IS NULL OR t < pg_temp.first_at(
          (present AT TIME ZONE zone)::date + (j->>'window')::int + 1, zone))),
free AS MATERIALIZED (
    SELECT start, id FROM world, grid, open_time
    WHERE spans @> tstzrange(start, start + duration)
      AND NOT coalesce((SELECT spans FROM busy WHERE busy.id = open_time.id)
                       && tstzrange(start - before, start + duration + after), false)
      AND (SELECT count(*) FILTER (WHERE NOT mate) = 0 AND count(*) < capacity FROM (
               SELECT capacity > 1 AND starts_at = start AND ends_at = start + duration
                      AND coalesce(taken.service = world.service, false) AS mate
               FROM taken
               WHERE taken.id = open_time.id AND span && tstzrange(start - before, start + duration + after)) AS met)),
places AS (SELECT place - 1 AS place, jsonb_array_elements_text(ids) AS id
           FROM world, jsonb_array_elements(j->'places') WITH ORDINALITY AS p(ids, place)),
seats AS (SELECT place, start, id FROM places JOIN free USING (id))
SELECT extract(epoch FROM start)::bigint,
       (SELECT jsonb_object_agg(place, ids) FROM (
            SELECT place, jsonb_agg(id ORDER BY id) AS ids FROM seats k WHERE k.start = grid.start GROUP BY place) AS k)
FROM world, grid
WHERE EXISTS (SELECT FROM seats one WHERE one.start = grid.start AND one.place = 0 AND (
    jsonb_array_length(j->'places') = 1
    OR EXISTS (SELECT FROM seats other WHERE other.start = grid.start AND other.place = 1 AND other.id <> one.id)))
ORDER BY start

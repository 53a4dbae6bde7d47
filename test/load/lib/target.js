/** The guide's target for the API's p95, for every scenario that holds to it: infra/grafana/src/targets.ts has the same. */
export const TARGET_P95_MS = 100;

export const withinTarget = [`p(95)<${TARGET_P95_MS}`];

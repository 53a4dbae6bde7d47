import { pages } from './dashboards/index.ts';
import { buildPage } from './page.ts';

/** What lies in infra/grafana/dashboards, by the file's name. */
export function generatedFiles(): Map<string, string> {
  return new Map(
    pages.map((page) => [`${page.uid}.json`, `${JSON.stringify(buildPage(page), undefined, 2)}\n`]),
  );
}

/** The dashboards as Grafana reads them, for tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '..', 'dashboards');

export interface CommittedPanel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
  readonly links?: readonly { readonly title: string; readonly url: string }[];
  readonly fieldConfig: {
    readonly defaults: {
      readonly unit?: string;
      readonly thresholds?: { readonly steps: readonly { readonly value: number | null }[] };
      readonly mappings?: readonly { readonly options: Readonly<Record<string, unknown>> }[];
    };
  };
}

export interface CommittedDashboard {
  readonly uid: string;
  readonly title: string;
  readonly description?: string;
  /** Rows as well. */
  readonly panels: readonly CommittedPanel[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] };
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition: string }[] };
}

export const committedDashboards = (): CommittedDashboard[] =>
  readdirSync(FOLDER).map(
    (name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as CommittedDashboard,
  );

/** Without the rows between them. */
export const panelsOf = ({ panels }: CommittedDashboard): CommittedPanel[] =>
  panels.filter(({ type }) => type !== 'row');

/** What was done to the stack, over every panel: figures that change at a deploy or a scaling need no other reason. */
import { AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PROMETHEUS } from './names.ts';

/** Each is what is now and was not a minute ago, so it is marked for a minute. */
const MARKS = [
  {
    name: 'Deploys',
    colour: 'purple',
    title: '{{service}} runs {{version}}',
    expr: 'count by (service, version) (sv_build_info) unless count by (service, version) (sv_build_info offset 1m)',
  },
  {
    name: 'Scaling',
    colour: 'blue',
    title: '{{job}}: {{instances}} instances',
    // The number as a label, as a title has nothing else of a series.
    expr: 'count_values by (job) ("instances", count by (job) (up{job=~"app|worker"}) != count by (job) (up{job=~"app|worker"} offset 1m))',
  },
] as const;

/** Half of the minute: whatever range is looked at, no mark falls between two points. */
const STEP = '30s';

export const annotations = MARKS.map(({ name, colour, title, expr }) =>
  new AnnotationQueryBuilder()
    .name(name)
    .datasource(PROMETHEUS)
    .enable(true)
    .iconColor(colour)
    .expr(expr)
    .step(STEP)
    .titleFormat(title)
    .target(
      new DataqueryBuilder()
        .datasource(PROMETHEUS)
        .refId('Anno')
        .expr(expr)
        .interval(STEP)
        .legendFormat(title),
    ),
);

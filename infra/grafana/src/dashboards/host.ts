/** The machine under it all, who is watched on it, and the autoscaler. */
import type { Page } from '../page.ts';
import { stat, table, timeSeries } from '../panels.ts';
import { BYTES, BYTES_PER_SECOND, COUNT, COUNT_PER_SECOND, RATIO, SECONDS } from '../units.ts';

const INSTANCE = 'job="node", instance=~"$instance"';
/** The one file system of interest: Docker keeps images and volumes on it. */
const DISK = `${INSTANCE}, mountpoint="/"`;

export const host: Page = {
  uid: 'sv-host',
  title: 'Host',
  description: 'CPU, memory and disk of the machine, what Prometheus watches, and the autoscaler.',
  variables: [{ name: 'instance', label: 'Host', values: 'label_values(up{job="node"}, instance)' }],
  rows: [
    {
      title: 'CPU and memory',
      panels: [
        timeSeries({
          title: 'CPU',
          description: 'The share of all cores that is not idle, over 5 minutes.',
          unit: RATIO,
          max: 1,
          queries: [{ expr: `instance:node_cpu:ratio_rate5m{${INSTANCE}}`, legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'CPU by what it does',
          description:
            'Cores by what they do: `iowait` waits for the disk, `steal` is what the hypervisor gave to somebody else.',
          unit: COUNT,
          isStacked: true,
          queries: [
            {
              expr: `sum by (mode) (rate(node_cpu_seconds_total{${INSTANCE}, mode!="idle"}[$__rate_interval]))`,
              legend: '{{mode}}',
            },
          ],
        }),
        timeSeries({
          title: 'Load',
          description: 'Processes that run or wait for a core or the disk, and the number of cores.',
          unit: COUNT,
          queries: [
            { expr: `node_load1{${INSTANCE}}`, legend: '1 minute' },
            { expr: `node_load5{${INSTANCE}}`, legend: '5 minutes' },
            {
              expr: `count by (instance) (node_cpu_seconds_total{${INSTANCE}, mode="idle"})`,
              legend: 'cores',
            },
          ],
        }),
        timeSeries({
          title: 'Memory',
          description:
            'The share of memory that could not be given away at once: caches of the kernel do not count.',
          unit: RATIO,
          max: 1,
          queries: [{ expr: `instance:node_memory_used:ratio{${INSTANCE}}`, legend: '{{instance}}' }],
          alerts: ['ScaleHostMemory'],
        }),
        timeSeries({
          title: 'Memory in bytes',
          description: 'All memory, and what is left of it.',
          unit: BYTES,
          queries: [
            { expr: `node_memory_MemTotal_bytes{${INSTANCE}}`, legend: 'all' },
            { expr: `node_memory_MemAvailable_bytes{${INSTANCE}}`, legend: 'left' },
          ],
        }),
        timeSeries({
          title: 'Killed for lack of memory',
          description:
            'Processes that the kernel killed in 5 minutes because memory ran out, its own or a container’s.',
          unit: COUNT,
          queries: [{ expr: `increase(node_vmstat_oom_kill{${INSTANCE}}[5m])`, legend: 'killed' }],
        }),
      ],
    },
    {
      title: 'Disk',
      panels: [
        timeSeries({
          title: 'Disk in use',
          description: 'The share of the disk that is in use. Postgres stops for good on a full one.',
          unit: RATIO,
          max: 1,
          queries: [{ expr: `instance:node_filesystem_used:ratio{${INSTANCE}}`, legend: '{{instance}}' }],
          alerts: ['DiskAlmostFull'],
          runbooksOf: ['DiskFullSoon'],
        }),
        timeSeries({
          title: 'Disk left',
          description: 'Bytes that are left on the disk.',
          unit: BYTES,
          queries: [{ expr: `node_filesystem_avail_bytes{${DISK}}`, legend: '{{instance}}' }],
          runbooksOf: ['DiskFullSoon'],
        }),
        timeSeries({
          title: 'Disk traffic',
          description: 'Bytes a second that are read and written, of all disks.',
          unit: BYTES_PER_SECOND,
          queries: [
            {
              expr: `sum by (instance) (rate(node_disk_read_bytes_total{${INSTANCE}}[$__rate_interval]))`,
              legend: 'read',
            },
            {
              expr: `sum by (instance) (rate(node_disk_written_bytes_total{${INSTANCE}}[$__rate_interval]))`,
              legend: 'written',
            },
          ],
        }),
        timeSeries({
          title: 'Disk busy',
          description: 'The share of time in which a disk had something to do.',
          unit: RATIO,
          columns: 12,
          max: 1,
          queries: [
            {
              expr: `rate(node_disk_io_time_seconds_total{${INSTANCE}}[$__rate_interval])`,
              legend: '{{device}}',
            },
          ],
        }),
        timeSeries({
          title: 'Held up',
          description:
            'The share of time in which some process had to wait: for a core, for memory, for the disk.',
          unit: RATIO,
          columns: 12,
          queries: [
            ['cpu', 'a core'],
            ['memory', 'memory'],
            ['io', 'the disk'],
          ].map(([resource, legend = '']) => ({
            expr: `rate(node_pressure_${resource}_waiting_seconds_total{${INSTANCE}}[$__rate_interval])`,
            legend,
          })),
        }),
      ],
    },
    {
      title: 'Clock',
      panels: [
        timeSeries({
          title: 'Clock, off by',
          description: 'By how much the host’s clock is wrong, as far as the kernel knows.',
          unit: SECONDS,
          columns: 16,
          queries: [{ expr: `abs(node_timex_offset_seconds{${INSTANCE}})`, legend: '{{instance}}' }],
          alerts: ['HostClockOff'],
        }),
        stat({
          title: 'Clock is set',
          description:
            'Whether something sets the host’s clock and tells the kernel. A virtual machine may get its time from its host without the kernel knowing.',
          unit: COUNT,
          isTall: true,
          queries: [{ expr: `node_timex_sync_status{${INSTANCE}}`, legend: '{{instance}}' }],
          words: { '0': 'no', '1': 'yes' },
          showsNames: true,
          alerts: ['HostClockNotSynchronised'],
        }),
      ],
    },
    {
      title: 'What is watched',
      panels: [
        table({
          title: 'Targets',
          description: 'Whom Prometheus scrapes, and whether it answers (1) or not (0).',
          unit: COUNT,
          queries: [{ expr: 'up', legend: '{{job}} {{instance}}' }],
          labels: ['job', 'instance'],
          valueTitle: 'Up',
          runbooksOf: ['InstanceDown', 'TargetMissing'],
        }),
        timeSeries({
          title: 'Instances',
          description: 'Apps and workers that Prometheus finds.',
          unit: COUNT,
          queries: [{ expr: 'count by (job) (up{job=~"app|worker"})', legend: '{{job}}' }],
        }),
        timeSeries({
          title: 'Series in Prometheus',
          description: 'Series that Prometheus has in memory. Each costs it a few KB.',
          unit: COUNT,
          columns: 4,
          queries: [{ expr: 'prometheus_tsdb_head_series', legend: 'series' }],
          runbooksOf: ['RulesFailing'],
        }),
        timeSeries({
          title: 'Alerts sent',
          description: 'Notifications a second that Alertmanager sent, and that it could not deliver.',
          unit: COUNT_PER_SECOND,
          columns: 4,
          queries: [
            {
              expr: 'sum(rate(alertmanager_notifications_total[$__rate_interval]))',
              legend: 'sent',
            },
            {
              expr: 'sum(rate(alertmanager_notifications_failed_total[$__rate_interval]))',
              legend: 'not delivered',
            },
          ],
          runbooksOf: ['AlertsNotDelivered'],
        }),
      ],
    },
    {
      title: 'Autoscaler, where its profile is on',
      panels: [
        timeSeries({
          title: 'Instances that run and that are wanted',
          description: 'What runs, what the rules call for, and the least of the limits, by service.',
          unit: COUNT,
          columns: 12,
          queries: [
            { expr: 'max by (service) (sv_autoscaler_current)', legend: '{{service}} runs' },
            { expr: 'max by (service) (sv_autoscaler_wanted)', legend: '{{service}} wanted' },
            { expr: 'min by (service) (sv_autoscaler_ceiling)', legend: '{{service}} most' },
          ],
          runbooksOf: ['AutoscalerAtCeiling'],
        }),
        stat({
          title: 'Last round',
          isTall: true,
          description: 'How long ago everything was seen, decided and done.',
          unit: SECONDS,
          columns: 12,
          queries: [{ expr: 'time() - max(sv_autoscaler_last_round_timestamp_seconds)', legend: 'age' }],
          alerts: ['AutoscalerFailing'],
        }),
      ],
    },
  ],
};

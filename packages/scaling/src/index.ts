export {
  type Host,
  type MemoryUse,
  type PhaseChoices,
  type PhaseNumber,
  type PhasePlan,
  planPhase,
} from './phase-plan.ts';
export { type Phase, phaseOfUsers, phaseOfWhatRuns, phases } from './phases.ts';
export { createPrometheus, type Prometheus } from './prometheus.ts';
export {
  type Condition,
  type Figure,
  figures,
  figuresOf,
  RULE_SETTINGS,
  type RuleSettings,
  rulesFrom,
  type ServiceName,
  type ServiceRules,
} from './rules.ts';
export { type Trigger, triggers } from './triggers.ts';
export { type Finding, hasHeld, isBeyond, type Limit, MAX_GAP_SECONDS, type Sample } from './window.ts';

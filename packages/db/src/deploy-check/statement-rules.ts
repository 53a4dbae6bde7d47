/**
 * Which statements of a migration the version that runs can live with, while it is being replaced and after a rollback.
 * By name: what isn't known here is refused. The rules are those of squawk and strong_migrations, and what they leave to
 * the person, since here two versions always run at a time: constraints and triggers on tables that the older one writes.
 */
import type {
  AlterTableCmd,
  AlterTableStmt,
  ColumnDef,
  Constraint,
  DropStmt,
  IndexStmt,
  Node,
  RangeVar,
  UpdateStmt,
} from 'libpg-query';

/** Why a statement is refused, and what does the same in steps. */
export interface Refusal {
  readonly problem: string;
  readonly instead: string;
}

/** What the statements of a deploy are judged by. */
export interface Surroundings {
  /** Made by the same deploy: nobody uses them yet. Names as `schema.table`, columns as `schema.table.column`. */
  readonly newTables: ReadonlySet<string>;
  readonly newColumns: ReadonlySet<string>;
  readonly newFunctions: ReadonlySet<string>;
  /** Of the live database; 0 for what isn't there. */
  bytesOf(table: string): number;
  hasIndex(name: string): boolean;
}

/**
 * A lock for as long as it takes to read this much is no outage: 64 MiB are indexed in about half a second, and an app
 * waits for up to 5 s.
 */
export const SMALL_TABLE_BYTES = 64 * 1024 ** 2;

/** Change nothing that was there, or nothing that a statement of an app can notice. */
const HARMLESS: ReadonlySet<string> = new Set([
  'CommentStmt',
  'CompositeTypeStmt',
  'CreateDomainStmt',
  'CreateEnumStmt',
  'CreateExtensionStmt',
  'CreateSchemaStmt',
  'CreateSeqStmt',
  'CreateStatsStmt',
  'CreateStmt',
  'InsertStmt',
  'VariableSetStmt',
]);
const CODE: ReadonlySet<string> = new Set(['CallStmt', 'DoStmt', 'SelectStmt']);
const HARMLESS_COMMANDS: ReadonlySet<string> = new Set([
  'AT_ReplicaIdentity',
  'AT_ResetRelOptions',
  'AT_SetCompression',
  'AT_SetRelOptions',
  'AT_SetStatistics',
  'AT_SetStorage',
  // Reads the table and lets everybody write meanwhile.
  'AT_ValidateConstraint',
]);

const TWO_STEPS =
  'Deploy a version that does without it first; take it away with the next one, marked `-- deploy: contracting, …`.';
const MARK_HARMLESS =
  'If the running version lives with it, say why in a comment above: `-- deploy: harmless, …`.';

const RENAMED: Refusal = {
  problem: 'renames what the running version calls by its old name',
  instead: `Add the new one beside it, write both, copy what is there. ${TWO_STEPS}`,
};
const REPLACED: Refusal = {
  problem: 'replaces what the running version may use',
  instead: `Give the new one another name. ${MARK_HARMLESS}`,
};
const REVOKED: Refusal = {
  problem: 'takes a right away that the running version may need',
  instead: TWO_STEPS,
};

export const nameOf = (relation: RangeVar | undefined): string =>
  `${relation?.schemaname ?? 'public'}.${relation?.relname ?? ''}`;

/** Refusals of one statement; none: it may be deployed. */
export function refusalsOf(statement: Node, around: Surroundings): Refusal[] {
  const kind = Object.keys(statement)[0] ?? '';
  if (HARMLESS.has(kind)) return [];
  if (CODE.has(kind))
    return [{ problem: 'runs code that this check cannot see into', instead: MARK_HARMLESS }];
  if ('AlterTableStmt' in statement) return refuseAlterTable(statement.AlterTableStmt, around);
  if ('IndexStmt' in statement) return refuseIndex(statement.IndexStmt, around);
  if ('DropStmt' in statement) return refuseDrop(statement.DropStmt, around);
  if ('UpdateStmt' in statement) return refuseUpdate(statement.UpdateStmt, around);
  if ('RenameStmt' in statement) return refuseRename(statement.RenameStmt.relation, around);
  if ('AlterObjectSchemaStmt' in statement) {
    return refuseRename(statement.AlterObjectSchemaStmt.relation, around);
  }
  if ('CreateTrigStmt' in statement) return refuseTrigger(statement.CreateTrigStmt.relation, around);
  // A value more is what only the new version writes.
  if ('AlterEnumStmt' in statement) return statement.AlterEnumStmt.oldVal === undefined ? [] : [RENAMED];
  if ('GrantStmt' in statement) return statement.GrantStmt.is_grant ? [] : [REVOKED];
  if ('AlterDefaultPrivilegesStmt' in statement) {
    return statement.AlterDefaultPrivilegesStmt.action?.is_grant ? [] : [REVOKED];
  }
  if ('ViewStmt' in statement) return statement.ViewStmt.replace ? [REPLACED] : [];
  if ('CreateFunctionStmt' in statement) {
    const { replace, funcname } = statement.CreateFunctionStmt;
    return !replace || around.newFunctions.has(functionName(funcname)) ? [] : [REPLACED];
  }
  return [unknown(kind)];
}

export const functionName = (name: readonly Node[] | undefined): string =>
  (name ?? []).map((part) => ('String' in part ? part.String.sval : '')).join('.');

function unknown(what: string): Refusal {
  return { problem: `is nothing that this check knows to be harmless (${what})`, instead: MARK_HARMLESS };
}

function refuseRename(relation: RangeVar | undefined, around: Surroundings): Refusal[] {
  return around.newTables.has(nameOf(relation)) ? [] : [RENAMED];
}

function refuseTrigger(relation: RangeVar | undefined, around: Surroundings): Refusal[] {
  const table = nameOf(relation);
  if (around.newTables.has(table)) return [];
  return [{ problem: `changes what the running version's writes to ${table} do`, instead: MARK_HARMLESS }];
}

function refuseAlterTable(statement: AlterTableStmt, around: Surroundings): Refusal[] {
  const table = nameOf(statement.relation);
  if (around.newTables.has(table)) return [];
  return (statement.cmds ?? []).flatMap((node) =>
    'AlterTableCmd' in node ? refuseCommand(table, node.AlterTableCmd, around) : [],
  );
}

function refuseCommand(table: string, command: AlterTableCmd, around: Surroundings): Refusal[] {
  const { subtype = '', def } = command;
  const column = `${table}.${command.name}`;
  if (HARMLESS_COMMANDS.has(subtype)) return [];
  switch (subtype) {
    case 'AT_AddColumn':
      return def !== undefined && 'ColumnDef' in def
        ? refuseColumn(table, def.ColumnDef, around)
        : [unknown(subtype)];
    case 'AT_AddConstraint':
      return def !== undefined && 'Constraint' in def
        ? refuseConstraint(table, def.Constraint, around)
        : [unknown(subtype)];
    case 'AT_DropColumn':
      return [
        { problem: `drops ${column}, which the running version may read and write`, instead: TWO_STEPS },
      ];
    case 'AT_AlterColumnType':
      return [
        {
          problem: `changes the type of ${column}: it locks everybody out while it rewrites the table, and the running version expects the old type`,
          instead: `Add a column of the new type beside it, write both, copy what is there. ${TWO_STEPS} ${MARK_HARMLESS}`,
        },
      ];
    case 'AT_SetNotNull':
      return around.newColumns.has(column)
        ? []
        : [
            {
              problem: `forbids NULL in ${column}, which the running version may write`,
              instead:
                'Deploy a version that writes no NULL first; forbid it with the next one, marked `-- deploy: contracting, …`, by way of a CHECK that is NOT VALID and then validated.',
            },
          ];
    case 'AT_DropNotNull':
      return [
        {
          problem: `allows NULL in ${column}, which the running version may not expect`,
          instead: `Deploy a version that can read it first. ${MARK_HARMLESS}`,
        },
      ];
    case 'AT_ColumnDefault':
      return def !== undefined || around.newColumns.has(column)
        ? []
        : [
            {
              problem: `drops the default of ${column}, which the running version's INSERTs may need`,
              instead: TWO_STEPS,
            },
          ];
    case 'AT_DropConstraint':
      return [
        {
          problem: `drops the constraint ${command.name}, by which the running version may find conflicts (ON CONFLICT)`,
          instead: `${TWO_STEPS} ${MARK_HARMLESS}`,
        },
      ];
    default:
      return [unknown(`ALTER TABLE, ${subtype}`)];
  }
}

const FIXED_DEFAULT_FUNCTIONS: ReadonlySet<string> = new Set(['now', 'pg_catalog.now']);
const SERIAL = /^(small|big)?serial\d?$/;

function refuseColumn(table: string, column: ColumnDef, around: Surroundings): Refusal[] {
  const name = `${table}.${column.colname}`;
  const constraints = (column.constraints ?? []).flatMap((node) =>
    'Constraint' in node ? [node.Constraint] : [],
  );
  const of = (kind: Constraint['contype']) => constraints.find(({ contype }) => contype === kind);
  const isSerial = SERIAL.test(functionName(column.typeName?.names).replace('pg_catalog.', ''));
  const fallback = of('CONSTR_DEFAULT')?.raw_expr;
  const isFilled = isSerial || of('CONSTR_IDENTITY') !== undefined || of('CONSTR_GENERATED') !== undefined;
  const found: Refusal[] = [];
  if (of('CONSTR_NOTNULL') !== undefined && fallback === undefined && !isFilled) {
    found.push({
      problem: `adds ${name} as NOT NULL without a default: the running version's INSERTs leave it out, and fail`,
      instead: 'Give it a DEFAULT, or allow NULL until no version writes it.',
    });
  }
  if ((of('CONSTR_UNIQUE') ?? of('CONSTR_PRIMARY')) !== undefined && fallback !== undefined) {
    found.push({
      problem: `adds ${name} as unique with a default: the running version's second INSERT has the same value, and fails`,
      instead: 'Add it without a default, and allow NULL until no version leaves it out.',
    });
  }
  const rewrites = isFilled || (fallback !== undefined && !isFixed(fallback));
  if (rewrites && isLarge(table, around)) {
    found.push({
      problem: `adds ${name} with a value of its own for each row: it locks everybody out while it rewrites ${table} (${mebibytes(table, around)} MiB)`,
      instead:
        'Add it without a default, set the default in a second statement (it counts for new rows), and fill the others in batches.',
    });
  }
  return found;
}

/** Whether Postgres notes it once instead of computing it for each row. */
function isFixed(expression: Node): boolean {
  if ('TypeCast' in expression)
    return expression.TypeCast.arg !== undefined && isFixed(expression.TypeCast.arg);
  if ('FuncCall' in expression)
    return FIXED_DEFAULT_FUNCTIONS.has(functionName(expression.FuncCall.funcname));
  return 'A_Const' in expression || 'SQLValueFunction' in expression || 'A_ArrayExpr' in expression;
}

function refuseConstraint(table: string, constraint: Constraint, around: Surroundings): Refusal[] {
  const columns = [
    ...textsOf(constraint.fk_attrs),
    ...textsOf(constraint.keys),
    ...columnsIn(constraint.raw_expr),
  ];
  const isOfNewColumns =
    columns.length > 0 && columns.every((column) => around.newColumns.has(`${table}.${column}`));
  if (!isOfNewColumns) {
    return [
      {
        problem:
          `adds the constraint ${constraint.conname ?? ''} to ${table}: the running version may write what it forbids, and fails`.replace(
            '  ',
            ' ',
          ),
        instead:
          'Deploy a version that keeps to it first; add it with the next one, marked `-- deploy: contracting, …`, as NOT VALID and then VALIDATE CONSTRAINT where the table is large.',
      },
    ];
  }
  if (constraint.skip_validation || !isLarge(table, around)) return [];
  return [
    {
      problem: `adds the constraint ${constraint.conname ?? ''} and stops all writes while it reads ${table} (${mebibytes(table, around)} MiB)`,
      instead: 'Add it as NOT VALID, and then VALIDATE CONSTRAINT in a statement of its own.',
    },
  ];
}

function refuseIndex(index: IndexStmt, around: Surroundings): Refusal[] {
  const table = nameOf(index.relation);
  if (around.newTables.has(table)) return [];
  // Made beforehand by hand, it is only noted here.
  if (
    index.if_not_exists &&
    index.idxname !== undefined &&
    around.hasIndex(`${index.relation?.schemaname ?? 'public'}.${index.idxname}`)
  )
    return [];
  const columns = (index.indexParams ?? []).map((node) =>
    'IndexElem' in node ? node.IndexElem.name : undefined,
  );
  const isOfNewColumns = columns.some(
    (column) => column !== undefined && around.newColumns.has(`${table}.${column}`),
  );
  const found: Refusal[] = [];
  if (index.unique && !isOfNewColumns) {
    found.push({
      problem: `makes ${table} unique in a way that the running version may not keep to`,
      instead:
        'Deploy a version that keeps to it first; add it with the next one, marked `-- deploy: contracting, …`.',
    });
  }
  if (isLarge(table, around)) {
    found.push({
      problem: `stops all writes to ${table} (${mebibytes(table, around)} MiB) while it builds the index ${index.idxname ?? ''}`,
      instead:
        'Build it beforehand as the owner with CREATE INDEX CONCURRENTLY IF NOT EXISTS, and write CREATE INDEX IF NOT EXISTS here.',
    });
  }
  return found;
}

function refuseDrop(drop: DropStmt, around: Surroundings): Refusal[] {
  const names = (drop.objects ?? []).map((node) => ('List' in node ? functionName(node.List.items) : '?'));
  const isOfThisDeploy =
    drop.removeType === 'OBJECT_TABLE' &&
    names.every((name) => around.newTables.has(name.includes('.') ? name : `public.${name}`));
  if (isOfThisDeploy) return [];
  return [{ problem: `drops ${names.join(', ')}, which the running version may use`, instead: TWO_STEPS }];
}

function refuseUpdate(update: UpdateStmt, around: Surroundings): Refusal[] {
  const table = nameOf(update.relation);
  if (around.newTables.has(table)) return [];
  const columns = (update.targetList ?? []).map((node) =>
    'ResTarget' in node ? node.ResTarget.name : undefined,
  );
  if (!columns.every((column) => around.newColumns.has(`${table}.${column}`))) {
    return [{ problem: `changes values in ${table} that the running version reads`, instead: MARK_HARMLESS }];
  }
  if (!isLarge(table, around)) return [];
  return [
    {
      problem: `locks every row of ${table} (${mebibytes(table, around)} MiB) until all are filled`,
      instead: 'Fill them in batches, in a job or by hand; the new version reads NULL as not filled yet.',
    },
  ];
}

const isLarge = (table: string, around: Surroundings) => around.bytesOf(table) > SMALL_TABLE_BYTES;
const mebibytes = (table: string, around: Surroundings) => Math.round(around.bytesOf(table) / 1024 ** 2);
const textsOf = (nodes: readonly Node[] | undefined): string[] =>
  (nodes ?? []).flatMap((node) =>
    'String' in node && node.String.sval !== undefined ? [node.String.sval] : [],
  );

/** Names of the columns anywhere in an expression. */
function columnsIn(expression: unknown): string[] {
  if (typeof expression !== 'object' || expression === null) return [];
  if ('ColumnRef' in expression) {
    const last = textsOf((expression.ColumnRef as { fields?: Node[] }).fields).at(-1);
    return last === undefined ? [] : [last];
  }
  return Object.values(expression).flatMap(columnsIn);
}

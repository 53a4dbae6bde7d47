/** Reads migrations as Postgres' own parser does, and says which statements the running version can't live with. */
import { hasSqlDetails, type Node, parse } from 'libpg-query';
import type { Migration } from '../migration-journal.ts';
import { functionName, nameOf, type Refusal, refusalsOf, type Surroundings } from './statement-rules.ts';

export interface Finding extends Refusal {
  readonly file: string;
  readonly line: number;
  /** Its first line. */
  readonly statement: string;
}

export interface MigrationCheck {
  readonly refused: readonly Finding[];
  /** What a person has marked as the second step: versions before the running one can't come back after it. */
  readonly contracting: readonly Omit<Finding, keyof Refusal>[];
}

/** In a comment above a statement, with the reason: for the next reader, and so that it is nobody's reflex. */
const MARK = /^--\s*deploy:\s*(contracting|harmless),\s*\S/m;

interface Statement {
  readonly node: Node;
  readonly file: string;
  readonly line: number;
  readonly statement: string;
  readonly mark: string | undefined;
}

export async function checkMigrations(
  migrations: readonly Pick<Migration, 'file' | 'sql'>[],
  live: Pick<Surroundings, 'bytesOf' | 'hasIndex'>,
): Promise<MigrationCheck> {
  const newTables = new Set<string>();
  const newColumns = new Set<string>();
  const newFunctions = new Set<string>();
  const around = { ...live, newTables, newColumns, newFunctions };
  const refused: Finding[] = [];
  const contracting: Omit<Finding, keyof Refusal>[] = [];
  for (const migration of migrations) {
    const statements = await statementsOf(migration);
    if (!Array.isArray(statements)) {
      refused.push(statements);
      continue;
    }
    // In order: what is new is new from here on.
    for (const { node, mark, ...where } of statements) {
      note(node, around);
      if (mark === 'contracting') contracting.push(where);
      if (mark === undefined)
        refused.push(...refusalsOf(node, around).map((refusal) => ({ ...where, ...refusal })));
    }
  }
  return { refused, contracting };
}

/** What a statement makes that wasn't there. */
function note(
  node: Node,
  {
    newTables,
    newColumns,
    newFunctions,
  }: { newTables: Set<string>; newColumns: Set<string>; newFunctions: Set<string> },
): void {
  if ('CreateStmt' in node && !node.CreateStmt.if_not_exists) newTables.add(nameOf(node.CreateStmt.relation));
  if ('CreateFunctionStmt' in node && !node.CreateFunctionStmt.replace) {
    newFunctions.add(functionName(node.CreateFunctionStmt.funcname));
  }
  if (!('AlterTableStmt' in node)) return;
  for (const command of node.AlterTableStmt.cmds ?? []) {
    if (!('AlterTableCmd' in command)) continue;
    const { subtype, def, missing_ok: mayBeThere } = command.AlterTableCmd;
    if (subtype !== 'AT_AddColumn' || mayBeThere || def === undefined || !('ColumnDef' in def)) continue;
    newColumns.add(`${nameOf(node.AlterTableStmt.relation)}.${def.ColumnDef.colname}`);
  }
}

/** The statements of a file; or, where Postgres can't read it, that. */
async function statementsOf({ file, sql }: Pick<Migration, 'file' | 'sql'>): Promise<Statement[] | Finding> {
  // Postgres counts in bytes.
  const bytes = Buffer.from(sql);
  const textBetween = (start: number, end: number) => bytes.subarray(start, end).toString();
  const lineAt = (offset: number) => textBetween(0, offset).split('\n').length;
  const firstLineAt = (offset: number) => textBetween(offset, bytes.length).trimStart().split('\n')[0] ?? '';
  try {
    const { stmts = [] } = await parse(sql);
    let endOfLast = 0;
    return stmts.map(({ stmt, stmt_location: start = 0, stmt_len: length }) => {
      const mark = MARK.exec(textBetween(endOfLast, start))?.[1];
      endOfLast = start + (length ?? bytes.length - start);
      return { node: stmt as Node, file, line: lineAt(start), statement: firstLineAt(start), mark };
    });
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    const offset = Math.max(0, (error.sqlDetails?.cursorPosition ?? 1) - 1);
    return {
      file,
      line: lineAt(offset),
      statement: firstLineAt(offset),
      problem: `can't be read by Postgres: ${error.message}`,
      instead: 'Mend it.',
    };
  }
}

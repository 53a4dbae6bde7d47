import Handlebars from 'handlebars';

/** Where a part of a template uses a variable, and how. */
export interface Placeholder {
  readonly name: string;
  /** `print`: `{{name}}`. The others begin a block. */
  readonly use: 'print' | 'if' | 'unless';
  readonly line: number;
}

export interface PlaceholderFault {
  readonly line: number | undefined;
  readonly message: string;
}

export interface Placeholders {
  readonly found: readonly Placeholder[];
  readonly faults: readonly PlaceholderFault[];
}

/** Handlebars takes 2 s for 400 blocks inside each other, and 1 ms for ten. */
const MAX_DEPTH = 10;

const ALLOWED = 'allowed are {{name}}, {{#if name}} and {{#unless name}}, with {{else}}';

/**
 * The placeholders of a part. Variables are single values, so that there is nothing to loop over or look into;
 * what Handlebars can do beyond that is at fault here: it could print without escaping, or take for ever.
 */
export function findPlaceholders(source: string): Placeholders {
  let program: hbs.AST.Program;
  try {
    program = Handlebars.parse(source);
  } catch (error) {
    // "Parse error on line 3:", the line with an arrow below it, and what was expected by the names of the grammar.
    const [first = '', second = ''] = error instanceof Error ? error.message.split('\n') : [];
    return { found: [], faults: [{ line: undefined, message: `${first} ${second}`.trim() }] };
  }
  const collector = new Collector();
  collector.accept(program);
  return collector;
}

class Collector extends Handlebars.Visitor implements Placeholders {
  readonly found: Placeholder[] = [];
  readonly faults: PlaceholderFault[] = [];
  #depth = 0;

  override MustacheStatement(statement: hbs.AST.MustacheStatement): void {
    const name = nameOf(statement.path);
    if (!statement.escaped) this.#refuse(statement, 'raw output ({{{…}}} or {{&…}}) is not allowed');
    else if (name === undefined || hasMore(statement)) this.#refuse(statement, ALLOWED);
    else this.#add(name, 'print', statement);
  }

  override BlockStatement(block: hbs.AST.BlockStatement): void {
    const use = block.path.original;
    const [condition, ...others] = block.params;
    const name = condition && nameOf(condition);
    if (
      (use !== 'if' && use !== 'unless') ||
      name === undefined ||
      others.length > 0 ||
      block.hash?.pairs.length
    ) {
      this.#refuse(block, ALLOWED);
    } else {
      this.#add(name, use, block);
    }
    if (this.#depth === MAX_DEPTH) {
      this.#refuse(block, `more than ${MAX_DEPTH} blocks stand inside each other`);
      return;
    }
    this.#depth += 1;
    // Not super's: that would visit path and condition too.
    this.accept(block.program);
    this.accept(block.inverse);
    this.#depth -= 1;
  }

  override PartialStatement(statement: hbs.AST.PartialStatement): void {
    this.#refuse(statement, ALLOWED);
  }

  override PartialBlockStatement(statement: hbs.AST.PartialBlockStatement): void {
    this.#refuse(statement, ALLOWED);
  }

  override Decorator(statement: hbs.AST.Decorator): void {
    this.#refuse(statement, ALLOWED);
  }

  override DecoratorBlock(statement: hbs.AST.DecoratorBlock): void {
    this.#refuse(statement, ALLOWED);
  }

  #add(name: string, use: Placeholder['use'], { loc }: hbs.AST.Node): void {
    this.found.push({ name, use, line: loc.start.line });
  }

  #refuse({ loc }: hbs.AST.Node, message: string): void {
    this.faults.push({ line: loc.start.line, message });
  }
}

const hasMore = ({ params, hash }: hbs.AST.MustacheStatement) => params.length > 0 || hash?.pairs.length > 0;

/** Of `{{name}}`; undefined for `{{a.b}}`, `{{../a}}`, `{{@root}}`, `{{this}}` and literals. */
function nameOf(expression: hbs.AST.Node): string | undefined {
  if (expression.type !== 'PathExpression') return undefined;
  const { parts, depth, data, original } = expression as hbs.AST.PathExpression;
  const [name, ...others] = parts;
  if (others.length > 0 || depth > 0 || data || name !== original) return undefined;
  return name;
}

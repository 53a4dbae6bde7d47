/** Parsers of the values of options; commander names the option when one throws. */
import { InvalidArgumentError } from 'commander';

/** A whole number in these bounds. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`A whole number from ${min} to ${max} is expected.`);
  };
}

/** A day (UTC) as YYYY-MM-DD; its first moment. */
export function day(text: string): Date {
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  // 2026-02-31 becomes March in some engines and nothing in others.
  if (date !== undefined && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)) return date;
  throw new InvalidArgumentError('A day is expected, as YYYY-MM-DD.');
}

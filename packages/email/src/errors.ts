/** What a caller asked for can't be sent. `message` may be shown to the caller. */
export class EmailInputError extends Error {
  /** The field at fault, as the API names it: `to`, `template`, `variables.name`. */
  readonly field: string;
  /** Which of many emails, from 0. */
  readonly index: number;

  constructor(field: string, message: string, index = 0) {
    super(message);
    this.name = 'EmailInputError';
    this.field = field;
    this.index = index;
  }
}

/** A stored template can't be made into an email, whatever the variables; sending again won't help. */
export class TemplateError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TemplateError';
  }
}

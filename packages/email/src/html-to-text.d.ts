// html-to-text ships no types, and those of DefinitelyTyped are of its version 9.
declare module 'html-to-text' {
  interface Element {
    readonly attribs: Readonly<Record<string, string | undefined>>;
  }
  interface Builder {
    addInline(text: string): void;
  }
  interface Options {
    wordwrap: false;
    selectors: readonly { selector: string; format?: string; options?: Readonly<Record<string, unknown>> }[];
    formatters?: Readonly<Record<string, (element: Element, walk: unknown, builder: Builder) => void>>;
  }
  export function compile(options: Options): (html: string) => string;
}

/** What is read of CycloneDX 1.7, as `pnpm sbom` writes it. */
export interface Component {
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly licenses?: readonly {
    readonly expression?: string;
    readonly license?: { readonly id?: string; readonly name?: string };
  }[];
}

export interface Bom {
  readonly bomFormat: string;
  readonly components: readonly Component[];
}

/** All but the platform's own packages. */
export const othersOf = ({ components }: Bom) => components.filter(({ group }) => group !== '@sv-sdk');

export const nameOf = ({ group, name, version }: Component) =>
  `${group === undefined ? '' : `${group}/`}${name}@${version}`;

/** Several are an "or" or an "and": whoever reads it looks. */
export const licenceOf = ({ licenses = [] }: Component) =>
  licenses
    .map(({ expression, license }) => expression ?? license?.id ?? license?.name ?? 'none')
    .join(', ') || 'none';

/** A page of a CycloneDX document on standard input: which licences its components have, and which components each. */
import { text } from 'node:stream/consumers';
import { type Bom, licenceOf, nameOf, othersOf } from './bom.ts';

const bom = JSON.parse(await text(process.stdin)) as Bom;
const byLicence = Map.groupBy(othersOf(bom), licenceOf);
const rows = [...byLicence]
  .toSorted(([, one], [, other]) => other.length - one.length)
  .map(([licence, components]) => {
    const names = components.map(nameOf).toSorted();
    return `| ${licence} | ${components.length} | ${names.join(', ')} |`;
  });
process.stdout.write(
  `# Licences\n\n| licence | packages | which |\n| --- | --- | --- |\n${rows.join('\n')}\n`,
);

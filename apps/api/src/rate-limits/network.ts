import { isIPv6 } from 'node:net';

/** ::ffff:0:0/96: IPv4 written as IPv6, in groups of 16 bits. */
const MAPPED_IPV4 = /^(?:0:){5}ffff:([0-9a-f]+):([0-9a-f]+)$/;
const GROUPS = 8;
const NETWORK_GROUPS = 4;

/**
 * What counts as one address: an IPv4 address, or an IPv6 network of 64 bits. Whoever has one IPv6 address has
 * all the 2^64 of its network, and could come from another one at every request.
 */
export function networkOf(address: string): string {
  const [plain = ''] = address.split('%', 1); // a link-local address may name its interface
  if (!isIPv6(plain)) return plain;
  const groups = groupsOf(plain);
  const mapped = MAPPED_IPV4.exec(groups.join(':'));
  if (mapped !== null) return [mapped[1], mapped[2]].flatMap(bytesOf).join('.');
  return `${groups.slice(0, NETWORK_GROUPS).join(':')}::/64`;
}

/** The eight groups, without leading zeros; URL knows every way to write an address. */
function groupsOf(address: string): string[] {
  const [left = '', right] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const split = (text: string | undefined) => (text ? text.split(':') : []);
  const [head, tail] = [split(left), split(right)];
  return [...head, ...Array<string>(GROUPS - head.length - tail.length).fill('0'), ...tail];
}

function bytesOf(group: string | undefined): number[] {
  const value = Number.parseInt(group ?? '0', 16);
  return [value >> 8, value & 0xff];
}

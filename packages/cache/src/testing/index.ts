export { type FreezingProxy, startFreezingProxy } from './freezing-proxy.ts';
export { lastTime } from './last-time.ts';

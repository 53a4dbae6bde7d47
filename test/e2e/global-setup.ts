import { removeStack } from './stack.ts';

// What an interrupted run left behind would make this one's results depend on it.
export const setup = removeStack;
export const teardown = removeStack;

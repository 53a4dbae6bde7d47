export * from './audit.ts';
export * from './auth.ts';
export * from './email.ts';
export * from './permissions.ts';

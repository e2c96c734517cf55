export * from './digest.ts';
export * from './request.ts';

export * from './approval-text.ts';

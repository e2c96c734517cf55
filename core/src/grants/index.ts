export * from './approval-text.ts';
export * from './budget.ts';
export * from './covers.ts';
export * from './login-session.ts';

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Everything is a file with its hash in its name: the server's content security policy allows nothing inline. */
export default defineConfig({
  plugins: [react()],
  base: '/',
  publicDir: 'public',
  build: {
    target: ['chrome123', 'firefox125', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1500,
  },
  server: {
    // `npx vite` in this folder: the API of a server that runs elsewhere.
    proxy: { '/api': { target: process.env['BELAY_API'] ?? 'https://localhost:7443', secure: false, changeOrigin: true } },
  },
});

import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// Where `npm run dev` finds a running installation; the shipped application is served by it and needs no address.
const api = process.env.TRACARDI_API_URL ?? 'http://127.0.0.1:8686'

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // Kept as written: light-dark() follows the theme switch, its down-levelled form does not.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    manifest: 'manifest.json',
    sourcemap: false,
    chunkSizeWarningLimit: 400,
  },
  server: { proxy: { '/api': { target: api, rewrite: path => path.replace(/^\/api/, '') } } },
  test: { include: ['src/**/*.test.{ts,tsx}'], environment: 'node' },
})

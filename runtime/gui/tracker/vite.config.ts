import { defineConfig } from 'vitest/config'

export default defineConfig({
  build: {
    target: 'es2019',
    sourcemap: true,
    minify: 'oxc',
    lib: { entry: 'src/main.ts', formats: ['iife'], name: '__tracardi', fileName: () => 'liliput.min.js' },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
})

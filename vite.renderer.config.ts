// The window's page, for Chromium 108 and newer. Paths are relative because it is served from a custom scheme.
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  base: './',
  plugins: [react()],
  build: { target: 'chrome108', outDir: '.vite/renderer/main_window', emptyOutDir: true, minify: true, sourcemap: false, chunkSizeWarningLimit: 4_000 }, // size matters little: it is loaded from disk
})

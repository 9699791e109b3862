import { defineConfig } from 'vite'

// Where `npm run dev` finds the service; the built console is served by the service itself.
const service = 'http://localhost:8080'

export default defineConfig({
  base: '/console/',
  oxc: { jsx: { runtime: 'automatic' } },
  server: { proxy: { '/v1': { target: service, ws: true } } },
  build: {
    target: 'es2022',
    emptyOutDir: true,
    // The content security policy allows no data: fonts, styles or inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // "use client" means something to servers that render React; here there is none.
      onLog: (level, log, tell) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') tell(level, log)
      },
    },
  },
})

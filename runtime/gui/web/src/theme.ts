import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core'

const iris: MantineColorsTuple = [
  '#f1f0ff', '#e0ddfe', '#bfb8fb', '#9c91f8', '#7e70f5', '#6b5bf4', '#5a49e8', '#4a3ad0', '#4033b8', '#352a9f',
]

/** Dark surfaces: cool, from text (0) to the page behind the cards (9). */
const dark: MantineColorsTuple = [
  '#e4e6ee', '#c3c7d5', '#a3a9bb', '#7f869b', '#3b4052', '#2e3241', '#22252f', '#191b23', '#121319', '#0c0d12',
]

export const theme = createTheme({
  primaryColor: 'iris',
  primaryShade: { light: 6, dark: 5 },
  colors: { iris, dark },
  autoContrast: true,
  defaultRadius: 'md',
  fontFamily:
    'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: '650', sizes: { h1: { fontSize: '1.625rem' }, h2: { fontSize: '1.0625rem' }, h3: { fontSize: '0.9375rem' } } },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Card: { defaultProps: { padding: 'lg', radius: 'lg', withBorder: true } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 300 } },
    Modal: { defaultProps: { radius: 'lg', centered: true } },
    Badge: { defaultProps: { variant: 'light', tt: 'none', fw: 550 } },
  },
})

/** Page colours; the greys for secondary text keep a contrast of at least 4.5 to 1 on every surface. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: { '--app-chip-radius': '10px' },
  light: {
    '--mantine-color-body': '#ffffff',
    '--mantine-color-dimmed': '#5b6275',
    '--mantine-color-placeholder': '#6b7286',
    '--mantine-color-default-border': '#e5e7ef',
    '--mantine-color-text': '#181b26',
    '--mantine-color-anchor': '#4a3ad0',
    '--mantine-color-error': '#b3202a',
    '--mantine-color-teal-light-color': '#06604a',
    '--mantine-color-orange-light-color': '#9c3a0b',
    '--mantine-color-red-light-color': '#b3202a',
    '--mantine-color-pink-light-color': '#a61e4d',
    '--mantine-color-blue-light-color': '#155a9c',
    '--mantine-color-cyan-light-color': '#0a5f6f',
    '--mantine-color-green-light-color': '#1f6b30',
    '--mantine-color-grape-light-color': '#862e9c',
    '--app-page': '#f6f7fb',
    '--app-hover': '#f3f3fa',
    '--app-fresh': '#efedff',
    '--app-shadow': '0 1px 2px rgb(24 27 38 / 5%)',
  },
  dark: {
    '--mantine-color-body': '#191b23',
    '--mantine-color-dimmed': '#a3a9bb',
    '--mantine-color-placeholder': '#8e95a9',
    '--mantine-color-default-border': '#2b2f3c',
    '--mantine-color-text': '#e4e6ee',
    '--mantine-color-anchor': '#a79dfa',
    '--mantine-color-error': '#ff8787',
    '--app-page': '#101117',
    '--app-hover': '#2c303c',
    '--app-fresh': '#28254a',
    '--app-shadow': 'none',
  },
})

/** Colour of each kind of event: the hue of its chip. */
export const SERIES_COLOURS = {
  light: ['#5a49e8', '#0e9f8e', '#e0872a', '#d6457f', '#2f8fe0', '#a3a9bb'],
  dark: ['#8f83fa', '#2cc4b1', '#f0a552', '#ee74a3', '#5fb0f2', '#6c738a'],
} as const

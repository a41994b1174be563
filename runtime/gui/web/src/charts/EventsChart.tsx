import { useComputedColorScheme } from '@mantine/core'
import {
  BarController, BarElement, CategoryScale, Chart, type ChartOptions, LinearScale, Tooltip,
} from 'chart.js'
import { useEffect, useRef } from 'react'
import { number } from '../lib/format'
import { OTHER, type Stacked } from '../lib/histogram'
import { typeName } from '../lib/events'
import { seriesColour } from './colours'

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip)

/** Counts over time as stacked bars. The same numbers stand in a table for those who do not see the picture. */
export default function EventsChart({ data, words }: { data: Stacked; words: string }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const chart = useRef<Chart<'bar', number[], string> | null>(null)
  const scheme = useComputedColorScheme('light')

  useEffect(() => {
    if (!canvas.current) return
    chart.current = new Chart(canvas.current, { type: 'bar', data: { labels: [], datasets: [] }, options: {} })
    return () => {
      chart.current?.destroy()
      chart.current = null
    }
  }, [])

  useEffect(() => {
    const current = chart.current
    if (!current) return
    current.data = {
      labels: data.labels,
      datasets: data.series.map((series, at) => ({
        label: series.name === OTHER ? 'Other' : typeName(series.name),
        data: series.values,
        backgroundColor: seriesColour(scheme, at, series.name),
        borderRadius: 2,
        maxBarThickness: 26,
        categoryPercentage: 0.9,
        barPercentage: 0.86,
      })),
    }
    current.options = options(scheme)
    current.update('none')
  }, [data, scheme])

  return (
    <>
      <div style={{ height: 250, position: 'relative' }}>
        <canvas ref={canvas} role="img" aria-label={`Events of the ${words} over time, by type. The table after it has the numbers.`} />
      </div>
      <div className="visually-hidden">
        <table>
          <caption>Events of the {words} by type</caption>
          <thead>
            <tr>
              <th>Type</th>
              <th>Events</th>
            </tr>
          </thead>
          <tbody>
            {data.series.map(series => (
              <tr key={series.name}>
                <td>{typeName(series.name)}</td>
                <td>{number(series.total)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}

function options(scheme: 'light' | 'dark'): ChartOptions<'bar'> {
  const dark = scheme === 'dark'
  const text = dark ? '#a3a9bb' : '#5b6275'
  const font = { size: 11, family: getComputedStyle(document.body).fontFamily }
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false,
    interaction: { mode: 'index', intersect: false },
    scales: {
      x: {
        stacked: true,
        border: { display: false },
        grid: { display: false },
        ticks: { color: text, font, maxRotation: 0, autoSkipPadding: 18 },
      },
      y: {
        stacked: true,
        beginAtZero: true,
        border: { display: false },
        grid: { color: dark ? '#323644' : '#eceef4' },
        ticks: { color: text, font, precision: 0, maxTicksLimit: 5 },
      },
    },
    plugins: {
      tooltip: {
        filter: item => item.parsed.y !== 0,
        itemSort: (a, b) => b.datasetIndex - a.datasetIndex,
        backgroundColor: dark ? '#2e3241' : '#ffffff',
        titleColor: dark ? '#e4e6ee' : '#181b26',
        bodyColor: dark ? '#c3c7d5' : '#3b4052',
        borderColor: dark ? '#3b4052' : '#e5e7ef',
        borderWidth: 1,
        padding: 11,
        cornerRadius: 9,
        boxWidth: 9,
        boxHeight: 9,
        boxPadding: 5,
        usePointStyle: true,
        titleFont: font,
        bodyFont: { ...font, size: 12 },
      },
    },
  }
}

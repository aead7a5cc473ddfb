/**
 * The window's line icons, on a 24 px grid. They always accompany a text or an
 * aria-label, so they are hidden from screen readers.
 */
import type { ReactNode } from 'react'

function Icon({ children }: { readonly children: ReactNode }) {
  return (
    <svg
      aria-hidden="true" width="18" height="18" viewBox="0 0 24 24" fill="none"
      stroke="currentColor" strokeWidth="1.75" strokeLinecap="round" strokeLinejoin="round"
    >
      {children}
    </svg>
  )
}

export const BackIcon = () => <Icon><path d="M19 12H5M11 6l-6 6 6 6" /></Icon>
export const ForwardIcon = () => <Icon><path d="M5 12h14M13 6l6 6-6 6" /></Icon>
export const ReloadIcon = () => <Icon><path d="M19.5 12a7.5 7.5 0 1 1-2.2-5.3M19.5 3.5v4.3h-4.3" /></Icon>
export const CloseIcon = () => <Icon><path d="M6 6l12 12M18 6L6 18" /></Icon>
export const UpIcon = () => <Icon><path d="M6 15l6-6 6 6" /></Icon>
export const DownIcon = () => <Icon><path d="M6 9l6 6 6-6" /></Icon>
export const WindowIcon = () => <Icon><rect x="3.5" y="5" width="17" height="14" rx="2" /><path d="M3.5 9.5h17M6.5 7.3h.01M9 7.3h.01" /></Icon>
export const PlotIcon = () => <Icon><path d="M4 4v16h16M7.5 15.5l4-6 3 3.5 4.5-7" /></Icon>
export const PacketsIcon = () => <Icon><path d="M4 8h13l-3-3M20 16H7l3 3" /></Icon>

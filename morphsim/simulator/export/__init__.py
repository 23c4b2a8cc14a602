"""Export of films to other programs: ParaView (VTK, XDMF), xarray and NetCDF."""

from morphsim.simulator.export.netcdf import to_xarray, write_netcdf
from morphsim.simulator.export.vtk import write_vtk
from morphsim.simulator.export.xdmf import write_xdmf

__all__ = ["to_xarray", "write_netcdf", "write_vtk", "write_xdmf"]

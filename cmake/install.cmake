include(GNUInstallDirs)
if(TARGET xlens)
  install(TARGETS xlens)
endif()
install(FILES man/xlens.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES man/xlens-model.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES README.md LICENSE NOTICE dataset/WORDNET-LICENSE
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
